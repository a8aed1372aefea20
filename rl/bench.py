"""What `lab bench rl` measures: training by this trainer against plain Stable-Baselines3, side by side in one process.

Both learn the same task with the same hyperparameters. The plain side is what SB3's documentation tells a user to
write: ``PPO`` on ``make_vec_env`` (its DummyVecEnv and Monitor) inside ``VecNormalize``, all else at its defaults, on
Gymnasium's own environment, which steps faster one at a time than ours does. Apart from training, batched environments
step beside the batch that Gymnasium itself has of the task.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stable_baselines3 import PPO

    from rl.trainer import RlTrainer

WORKLOADS: Mapping[str, tuple[str, str]] = {
    "cartpole": ("lab/CartPole-v0", "CartPole-v1"),
    "mountain-car": ("lab/MountainCar-v0", "MountainCar-v0"),
}
"""Name of each workload; our task, and the one of Gymnasium that it equals at difficulty 1."""

BATCHES: Mapping[str, tuple[str, str]] = {"cartpole-batch": ("lab/CartPole-v0", "CartPole-v1")}
"""Name of each workload of stepping alone; our task, and the one of Gymnasium that has a batched version of its own."""
BATCH, BATCH_STEPS = 256, 100
"""Environments of such a batch, and its steps in a block."""

SETTINGS: Mapping[str, Any] = {
    "n_envs": 16,
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 10,
    "gamma": 0.99,
    "gae_lambda": 0.95,
}
LEARNING_RATE = 1e-3


def measure(short: bool = False) -> dict[str, Any]:
    """Environment steps a second of both sides, and their ratio, for every workload.

    The two sides train in turn, an iteration (one rollout, one update) each; a block is one such pair, its ratio that
    of the two processor times, which a busy machine disturbs less than the clock on the wall. The median block counts.
    Batched environments step in turn in the same way, under random actions, so that episodes end in nearly every step.

    Args:
        short: few blocks, for a check that nothing became slow.
    """
    blocks = 8 if short else 40
    return {
        "what": "PPO training against plain Stable-Baselines3 (PPO, make_vec_env, VecNormalize), batched environments "
        f"against Gymnasium's ({BATCH}, vector_entry_point)",
        "settings": {**SETTINGS, "learning_rate": LEARNING_RATE},
        "workloads": {
            name: compare(ours(task).advance, plain(gymnasiums), blocks)
            for name, (task, gymnasiums) in WORKLOADS.items()
        }
        | {name: compare_batches(*tasks, blocks=10 * blocks) for name, tasks in BATCHES.items()},
    }


def compare(advance: Callable[[int], None], model: PPO, blocks: int, warm: int = 2) -> dict[str, Any]:
    """Time ``blocks`` pairs of training iterations, after ``warm`` of them that do not count."""
    rollout = SETTINGS["n_envs"] * SETTINGS["n_steps"]

    def learn(block: int) -> None:
        model.learn(rollout, reset_num_timesteps=False, log_interval=10**9)

    return _in_turn(lambda block: advance(block * rollout), learn, rollout, blocks, warm)


def compare_batches(task: str, gymnasiums: str, blocks: int, warm: int = 2) -> dict[str, Any]:
    """Time ``blocks`` pairs of ``BATCH_STEPS`` steps of our batch and of Gymnasium's own, under the same actions."""
    import gymnasium
    import numpy as np

    import curricula

    batches = (
        curricula.make_vec(task, BATCH),
        gymnasium.make_vec(gymnasiums, BATCH, vectorization_mode="vector_entry_point"),
    )
    batches[0].action_space.seed(0)
    actions = np.array([batches[0].action_space.sample() for _ in range(BATCH_STEPS)])

    def stepping(batch: gymnasium.vector.VectorEnv[Any, Any, Any]) -> Callable[[int], None]:
        batch.reset(seed=0)

        def steps(block: int) -> None:
            for chosen in actions:
                batch.step(chosen)

        return steps

    mine, theirs = map(stepping, batches)
    return _in_turn(mine, theirs, BATCH * BATCH_STEPS, blocks, warm)


def _in_turn(
    mine: Callable[[int], None], theirs: Callable[[int], None], steps: int, blocks: int, warm: int
) -> dict[str, Any]:
    """Both sides' speed and its ratio, from the times of work that is ``steps`` environment steps a block on each."""
    sides = {"ours": mine, "plain": theirs}
    seconds: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for block in range(1, blocks + warm + 1):
        # Turn and turn about, so that neither side always has the warmer caches.
        for side in sides if block % 2 else reversed(sides):
            wall, processor = time.perf_counter(), time.process_time()
            sides[side](block)
            seconds[side].append((time.process_time() - processor, time.perf_counter() - wall))
    own, other = seconds["ours"][warm:], seconds["plain"][warm:]
    ratios = [[b[i] / a[i] for a, b in zip(own, other, strict=True)] for i in (0, 1)]
    low, _, high = statistics.quantiles(ratios[0], n=4)
    return {
        "ratio": round(statistics.median(ratios[0]), 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
        "ratio_by_wall_clock": round(statistics.median(ratios[1]), 3),
        "ours_per_second": round(steps / statistics.median(time for time, _ in own)),
        "plain_per_second": round(steps / statistics.median(time for time, _ in other)),
        "unit": "environment steps per second of processor time",
        "blocks": blocks,
    }


def ours(task: str) -> RlTrainer:
    """This trainer at step 0."""
    import torch

    from lab.training.config import resolve
    from lab.training.trainer import Context
    from rl.config import RlConfig
    from rl.trainer import RlTrainer

    settings = {"task": task, "steps": 10**9, "clock": {"period": 10**6}, "voices": {"learning_rate": LEARNING_RATE}}
    folder = Path(tempfile.gettempdir())
    context = Context(torch.device("cpu"), folder, folder, lambda *args, **data: None)
    return RlTrainer(resolve(RlConfig, {**settings, **SETTINGS}), context)


def plain(task: str) -> PPO:
    """SB3's own PPO as its documentation writes it."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    import curricula  # noqa: F401  (registers the tasks)

    settings = {name: value for name, value in SETTINGS.items() if name != "n_envs"}
    env = VecNormalize(make_vec_env(task, SETTINGS["n_envs"], seed=0), norm_reward=False, gamma=settings["gamma"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PPO("MlpPolicy", env, learning_rate=LEARNING_RATE, seed=0, device="cpu", **settings)

"""What `lab bench rl` measures: training by this trainer against plain Stable-Baselines3, side by side in one process.

Both learn the same task with the same hyperparameters. The plain side is what SB3's documentation tells a user to
write: ``PPO`` on ``make_vec_env`` (its DummyVecEnv and Monitor) inside ``VecNormalize``, ``SAC`` on one environment,
all else at its defaults; on Gymnasium's own environment, which steps faster one at a time than ours does. Apart from
training, batched environments step beside the batch that Gymnasium itself has of the task.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.training.trainer import unheard

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from rl.trainer import RlTrainer


@dataclass(frozen=True)
class Workload:
    """What both sides learn.

    Attributes:
        task, gymnasiums: our task, and the one of Gymnasium that it equals at difficulty 1.
        agent: as the configuration names it; SB3's class has the name in capitals.
        settings: hyperparameters under SB3's names, but for the learning rate, which is ``LEARNING_RATE``.
        n_envs: environments at once.
        block: environment steps that are timed as one; at least an iteration's.
        normalise: whether observations are standardised.
    """

    task: str
    gymnasiums: str
    agent: str
    settings: Mapping[str, Any]
    n_envs: int
    block: int
    normalise: bool


PPO: Mapping[str, Any] = {"n_steps": 128, "batch_size": 256, "n_epochs": 10, "gamma": 0.99, "gae_lambda": 0.95}
SAC: Mapping[str, Any] = {"batch_size": 256, "buffer_size": 50_000, "learning_starts": 100, "gamma": 0.99}
WORKLOADS: Mapping[str, Workload] = {
    "cartpole": Workload("lab/CartPole-v0", "CartPole-v1", "ppo", PPO, n_envs=16, block=2048, normalise=True),
    "mountain-car": Workload("lab/MountainCar-v0", "MountainCar-v0", "ppo", PPO, n_envs=16, block=2048, normalise=True),
    "pendulum-sac": Workload("lab/Pendulum-v0", "Pendulum-v1", "sac", SAC, n_envs=1, block=200, normalise=False),
}
"""By name. SAC's networks are SB3's: two layers of 256."""

BATCHES: Mapping[str, tuple[str, str]] = {"cartpole-batch": ("lab/CartPole-v0", "CartPole-v1")}
"""Name of each workload of stepping alone; our task, and the one of Gymnasium that has a batched version of its own."""
AXES: Mapping[str, Mapping[str, Any]] = {
    "lab/CartPole-v0": {"length": {"easy": 0.5, "target": 0.5}},
    "lab/Pendulum-v0": {"torque": {"easy": 2.0, "target": 2.0}},
}
"""Task -> an axis whose two ends are the target's."""
TEACHERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "cartpole-teacher": ("cartpole", {"kind": "success_threshold", "lowest": 1.0}),
    "cartpole-learning-progress": ("cartpole", {"kind": "learning_progress"}),
    "pendulum-sac-teacher": ("pendulum-sac", {"kind": "success_threshold", "lowest": 1.0}),
}
"""Name of each workload of a curriculum's own cost; what is learned, and a teacher that makes it no easier."""
BATCH, BATCH_STEPS = 256, 100
"""Environments of such a batch, and its steps in a block."""

LEARNING_RATE = 1e-3


def measure(short: bool = False) -> dict[str, Any]:
    """Environment steps a second of both sides, and their ratio, for every workload.

    The two sides train in turn, as many environment steps each; a block is one such pair, its ratio that of the two
    processor times, which a busy machine disturbs less than the clock on the wall. The median block counts. Batched
    environments step in turn in the same way, under random actions, so that episodes end in nearly every step, and
    training with a teacher takes turns with the same training without one.

    Args:
        short: few blocks, for a check that nothing became slow.
    """
    blocks = 8 if short else 40
    return {
        "what": "training against plain Stable-Baselines3 (PPO with make_vec_env and VecNormalize, SAC), batched "
        f"environments against Gymnasium's ({BATCH}, vector_entry_point), a curriculum's teacher against none",
        "settings": {
            name: {"agent": each.agent, "n_envs": each.n_envs, **each.settings, "learning_rate": LEARNING_RATE}
            for name, each in WORKLOADS.items()
        },
        "workloads": {name: compare(each, blocks) for name, each in WORKLOADS.items()}
        | {name: compare_batches(*tasks, blocks=10 * blocks) for name, tasks in BATCHES.items()}
        | {name: compare_teacher(WORKLOADS[of], teacher, blocks) for name, (of, teacher) in TEACHERS.items()},
    }


def compare(workload: Workload, blocks: int, warm: int = 2) -> dict[str, Any]:
    """Time ``blocks`` pairs of blocks of training, after ``warm`` of them that do not count."""
    model, steps = plain(workload), workload.block

    def learn(block: int) -> None:
        model.learn(steps, reset_num_timesteps=False, log_interval=10**9)

    with tempfile.TemporaryDirectory() as folder:
        trainer = ours(workload, Path(folder))
        return _in_turn(lambda block: trainer.advance(block * steps), learn, steps, blocks, warm)


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


def compare_teacher(workload: Workload, teacher: Mapping[str, Any], blocks: int, warm: int = 2) -> dict[str, Any]:
    """Time ``blocks`` pairs of blocks of training with a teacher and without any, nor a callback, on the same episodes.

    All difficulties that it asks for are played as the target's, so that it changes nothing but the time.
    """
    with tempfile.TemporaryDirectory() as folder:
        sides = [taught(workload, Path(folder), teacher), untaught(workload, Path(folder))]
        mine, theirs = (lambda block, side=side: side.advance(block * workload.block) for side in sides)
        return _in_turn(mine, theirs, workload.block, blocks, warm)


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


def ours(workload: Workload, folder: Path, more: Mapping[str, Any] | None = None) -> RlTrainer:
    """This trainer at step 0; what it remembers lies in the folder.

    Args:
        more: settings beside the workload's.
    """
    import torch

    from lab.training.config import resolve
    from lab.training.trainer import Context
    from rl.config import RlConfig
    from rl.trainer import RlTrainer

    settings = {
        "task": workload.task,
        "steps": 10**9,
        "clock": {"period": 10**6},
        "voices": {"learning_rate": LEARNING_RATE},
        "n_envs": workload.n_envs,
        "normalise_observations": workload.normalise,
        "agent": {"agent": workload.agent, **workload.settings},
        **(more or {}),
    }
    return RlTrainer(resolve(RlConfig, settings), Context(torch.device("cpu"), folder, folder, unheard))


def taught(workload: Workload, folder: Path, teacher: Mapping[str, Any]) -> RlTrainer:
    """This trainer with a teacher whose every difficulty is the target's."""
    return ours(workload, folder, {"curriculum": teacher, "axes": AXES[workload.task]})


def untaught(workload: Workload, folder: Path) -> RlTrainer:
    """The same without what a curriculum does in training: no difficulty is asked for after the first."""
    trainer = taught(workload, folder, {"kind": "none"})
    trainer._callback.callbacks.remove(trainer.curriculum)
    return trainer


def plain(workload: Workload) -> BaseAlgorithm:
    """SB3's own agent as its documentation writes it."""
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    import curricula  # noqa: F401  (registers the tasks)

    env: Any = make_vec_env(workload.gymnasiums, workload.n_envs, seed=0)
    if workload.normalise:
        env = VecNormalize(env, norm_reward=False, gamma=workload.settings["gamma"])
    kind = getattr(stable_baselines3, workload.agent.upper())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: BaseAlgorithm = kind("MlpPolicy", env, LEARNING_RATE, seed=0, device="cpu", **workload.settings)
    return model

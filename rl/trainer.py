"""One PPO run on the laboratory's loop: a rollout, an update, and everything that a resume needs."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from lab.training.finite import NonFiniteError
from lab.training.restoring import ADAM, restore_moments
from lab.training.trainer import Context
from rl import environments
from rl.config import RlConfig
from rl.evaluation import Score, play
from rl.hooks import ConductorCallback, CurriculumCallback
from rl.normalise import Normalised
from rl.observations import each
from rl.ppo import LeanPPO
from rl.randomness import OwnRandomness
from rl.vec_env import BatchedVecEnv

_COLUMNS = {
    "train/policy_gradient_loss": "loss/policy",
    "train/value_loss": "loss/value",
    "train/entropy_loss": "loss/entropy",
    "train/approx_kl": "approx_kl",
    "train/clip_fraction": "clip_fraction",
    "train/explained_variance": "explained_variance",
}
"""What SB3 calls the quantities of an update, and what the metrics log calls them."""

_UNDEFINED = frozenset({"explained_variance"})
"""Columns that are NaN, and left out, where they have no meaning (all returns of a rollout are equal)."""

_EVALUATION_SEED = 1_000_003
"""Added to the run's seed, so that evaluations begin in states of their own."""


class RlTrainer:
    """SB3's PPO, one iteration at a time (obeys ``lab.training.trainer.Trainer``).

    An iteration gathers ``n_envs * n_steps`` steps and then updates the policy, with the voices' values at the
    iteration's first step. So ``step`` advances by whole rollouts, and may overshoot what ``advance`` was asked for.
    The global generators that SB3 draws from are the run's own while it trains (``rl.randomness``).

    The configuration's device is the CPU unless another is asked for: networks of this size are slower on a GPU, where
    every one of an update's many small batches waits for its kernels.

    Args:
        config: the run.
        context: what the laboratory hands over.

    Raises:
        UserError: the task cannot be made.
    """

    def __init__(self, config: RlConfig, context: Context) -> None:
        self.config = config
        self.step = 0
        self._event = context.event
        self._clock = config.parsed_clock()
        self._means = Means()
        self._evaluation_env: BatchedVecEnv | None = None
        self._randomness = OwnRandomness(config.seed, context.device)
        with self._randomness:
            self.batch = environments.build(config, config.n_envs, config.seed)
            self.env = Normalised(
                self.batch,
                observations=config.normalise_observations,
                rewards=config.normalise_rewards,
                gamma=config.gamma,
            )
            self.model = _ppo(config, self.env, context.device)
            self.curriculum = self._teacher()
            self._conducting = ConductorCallback(config.parsed_voices(), levels=self._levels)
            # The teacher first: a voice that follows the difficulty reads the level of this rollout.
            hooks: list[BaseCallback] = (
                [self._conducting] if self.curriculum is None else [self.curriculum, self._conducting]
            )
            _, self._callback = self.model._setup_learn(config.steps, CallbackList(hooks))
            self._callback.on_training_start({}, {})

    def _teacher(self) -> CurriculumCallback | None:
        """Who chooses difficulties; nobody where the task has none (the configuration then asks for none)."""
        if not self.batch.has_difficulty:
            return None
        return CurriculumCallback(self.config.curriculum.build_for(self.batch.axes), seed=self.config.seed)

    def _levels(self) -> dict[str, float]:
        """What voices that follow the difficulty read; a task without difficulty is the target task."""
        return dict.fromkeys(RlConfig.measured_names(), 1.0) if self.curriculum is None else self.curriculum.levels()

    # -- training ------------------------------------------------------------------------------------------------------

    def advance(self, until: int) -> None:
        """Whole iterations until ``step >= until``.

        Raises:
            NonFiniteError: a loss or a weight is no longer finite.
        """
        with self._randomness, _unvalidated_distributions():
            while self.step < until:
                self._iterate()

    def _iterate(self) -> None:
        """One rollout and one update, conducted by the step at which the rollout begins."""
        model = self.model
        model.collect_rollouts(self._wrapped(), self._callback, model.rollout_buffer, model.n_steps)
        model.train()
        self.step = model.num_timesteps
        row = {name: float(model.logger.name_to_value[key]) for key, name in _COLUMNS.items()}
        model.logger.name_to_value.clear()
        self._refuse_non_finite(row)
        self._means.add({name: value for name, value in row.items() if np.isfinite(value)})
        difficulty = self.batch.difficulty
        if difficulty is None and self.curriculum is not None:  # environments that take one and do not say it
            difficulty = self.curriculum.running
        if difficulty is not None:
            self._means.add({"curriculum/difficulty": float(difficulty.mean())})

    def _refuse_non_finite(self, row: Mapping[str, float]) -> None:
        """Stop before a bad update is logged, saved, or acted upon."""
        for name, value in row.items():
            if not np.isfinite(value) and name not in _UNDEFINED:
                raise NonFiniteError(name, self.step, value)
        for name, weights in self.model.policy.named_parameters():
            if not torch.isfinite(weights).all():
                raise NonFiniteError(f"weights/{name}", self.step)

    def metrics(self) -> dict[str, float]:
        """Means since the last call, and over the last 100 episodes for ``rollout/…``."""
        position = self._clock.position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        row |= {f"voice/{name}": value for name, value in self._conducting.values.items()}
        row |= self._means.take()
        episodes, successes = self.model.ep_info_buffer, self.model.ep_success_buffer
        if episodes:
            row["rollout/return"] = float(np.mean([episode["r"] for episode in episodes]))
            row["rollout/length"] = float(np.mean([episode["l"] for episode in episodes]))
        if successes:
            row["rollout/success"] = float(np.mean(successes))
        return row

    def _wrapped(self) -> VecEnv:
        """The environments as the model sees them: SB3 puts the axes of images in another order."""
        env = self.model.get_env()
        assert env is not None
        return env

    # -- evaluation ----------------------------------------------------------------------------------------------------

    def evaluate(self) -> dict[str, float]:
        """Mean return and success of the deterministic policy over the grid of difficulties."""
        row: dict[str, float] = {}
        for score in self.scores():
            row |= score.columns()
        return row

    def scores(self, episodes: int | None = None) -> list[Score]:
        """The same evaluation episode by episode; the target task alone where the environment has no difficulty.

        Args:
            episodes: per difficulty; the configured number if None.
        """
        episodes = episodes or self.config.evaluation.episodes
        grid = self.config.evaluation.grid() if self.batch.has_difficulty else (1.0,)
        seed = self.config.seed + _EVALUATION_SEED
        if self._evaluation_env is None or self._evaluation_env.num_envs != len(grid) * episodes:
            self._evaluation_env = environments.build(self.config, len(grid) * episodes, seed)
        return play(self._evaluation_env, self.act, grid, episodes, seed)

    def act(self, observations: Any) -> NDArray[Any]:
        """The deterministic policy on raw observations [n, *shape], or a Dict, by the present normalisation."""
        actions, _ = self.model.predict(self.env.standardise(observations), deterministic=True)
        return actions

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything; ``envs`` is None where the environments cannot say their state (any Gymnasium id)."""
        model = self.model
        exact = self.batch.exact
        return {
            "step": self.step,
            "policy": model.policy.state_dict(),
            "optimiser": model.policy.optimizer.state_dict(),
            "n_updates": model._n_updates,
            "normaliser": self.env.state_dict(),
            "envs": self.batch.state_dict() if exact else None,
            "observations": each(np.array, model._last_obs) if exact else None,
            "episode_starts": np.array(model._last_episode_starts) if exact else None,
            "episodes": [{"r": float(e["r"]), "l": int(e["l"])} for e in model.ep_info_buffer or ()],
            "successes": [bool(success) for success in model.ep_success_buffer or ()],
            "curriculum": None if self.curriculum is None else self.curriculum.state_dict(),
            "voices": dict(self._conducting.values),
            "means": self._means.state_dict(),
            "randomness": self._randomness.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``; a copy of a run continues bit for bit, where the environments allow it.

        Environments that cannot say their state begin new episodes, and the run says so in a warning and an event.
        """
        self.load_agent(state)
        model = self.model
        optimizer = model.policy.optimizer
        restore_moments(optimizer, state["optimiser"]["state"], ADAM)
        for group, saved in zip(optimizer.param_groups, state["optimiser"]["param_groups"], strict=True):
            group["lr"] = float(saved["lr"])
        model._n_updates = int(state["n_updates"])
        size = model._stats_window_size
        model.ep_info_buffer = deque(state["episodes"], maxlen=size)
        model.ep_success_buffer = deque(state["successes"], maxlen=size)
        if self.curriculum is not None:
            self.curriculum.load_state_dict(state["curriculum"])
        self._conducting.values = dict(state["voices"])
        self._means.load_state_dict(state["means"])
        self._randomness.load_state_dict(state["randomness"])
        if state["envs"] is None:
            self._restart_episodes()
        else:
            self.batch.load_state_dict(state["envs"])
            model._last_obs = each(np.array, state["observations"])
            model._last_episode_starts = np.array(state["episode_starts"], dtype=np.bool_)

    def load_agent(self, state: Mapping[str, Any]) -> None:
        """Only what acting needs: the policy and the normalisation it sees through (for evaluation and films)."""
        self.step = self.model.num_timesteps = int(state["step"])
        self.model.policy.load_state_dict(state["policy"])
        self.env.load_state_dict(state["normaliser"])

    def _restart_episodes(self) -> None:
        """Begin new episodes where the running ones could not be saved."""
        warnings.warn(
            f"{self.config.task} cannot save its state: the resume begins new episodes and is not bit-identical",
            stacklevel=2,
        )
        self._event(
            "episodes_restarted", self.step, task=self.config.task, reason="the environment cannot save its state"
        )
        with self._randomness:
            self.env.seed(self.config.seed + self.step)
            self.model._last_obs = self._wrapped().reset()  # type: ignore[assignment]  # SB3's own spaces decide
            self.model._last_episode_starts = np.ones(self.config.n_envs, dtype=np.bool_)


class Means:
    """Means of named numbers since the last look."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, row: Mapping[str, float]) -> None:
        """Count each number once more."""
        for name, value in row.items():
            entry = self._sums.setdefault(name, [0.0, 0.0])
            entry[0] += value
            entry[1] += 1.0

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means

    def state_dict(self) -> dict[str, list[float]]:
        """Sum and count of each name."""
        return {name: list(entry) for name, entry in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        self._sums = {name: [float(total), float(count)] for name, (total, count) in state.items()}


def _ppo(config: RlConfig, env: Normalised, device: torch.device) -> LeanPPO:
    """SB3's PPO; voices overwrite the numbers that the clock conducts before they are first read."""
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[config.activation]
    model = LeanPPO(
        "MultiInputPolicy" if isinstance(env.observation_space, spaces.Dict) else "MlpPolicy",
        env,
        n_steps=config.n_steps,
        batch_size=config.batch_size,
        n_epochs=config.n_epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        ent_coef=0.0,
        max_grad_norm=config.max_grad_norm,
        policy_kwargs={
            "net_arch": list(config.hidden),
            "activation_fn": activation,
            "optimizer_kwargs": {"eps": 1e-5, "fused": True},
        },
        device=device,
    )
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


@contextmanager
def _unvalidated_distributions() -> Iterator[None]:
    """Without torch's checks of distributions' arguments (a few per cent of a run): losses and weights are checked."""
    kind = torch.distributions.Distribution
    before = kind._validate_args
    kind.set_default_validate_args(False)
    try:
        yield
    finally:
        kind.set_default_validate_args(before)

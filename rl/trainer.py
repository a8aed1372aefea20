"""One run of an agent on the laboratory's loop: experience, an update, and everything that a resume needs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList

from lab.training.finite import NonFiniteError
from lab.training.trainer import Context
from rl import environments, tasks
from rl.acting import Actor, Ensemble, restored, snapshot
from rl.building import build
from rl.config import RlConfig
from rl.curvature import measured
from rl.evaluation import LONGEST, Act, Score, play
from rl.hooks import ConductorCallback, CurriculumCallback
from rl.kept import KeptPolicies
from rl.live import live_target
from rl.means import Means
from rl.normalise import Normalised
from rl.observations import channels_first, each
from rl.progress import TargetCurve
from rl.quantities import RATE
from rl.randomness import OwnRandomness
from rl.state import agent_state, begin_with, exploration_jump, load_agent_state, load_networks
from rl.vec_env import BatchedVecEnv

_UNDEFINED = frozenset({"explained_variance"})
"""Columns that are NaN, and left out, where they have no meaning (all returns of a rollout are equal)."""

_EVALUATION_SEED = 1_000_003
"""Added to the run's seed, so that evaluations begin in states of their own."""
_HELD_OUT_SEED = 2_000_003
"""The same for states in which no policy was chosen as the best."""


class RlTrainer:
    """An agent of SB3's, one iteration at a time (obeys ``lab.training.trainer.Trainer``).

    An iteration gathers experience (PPO: a rollout of ``n_envs * n_steps`` steps) and then updates the agent, with the
    voices' values at the iteration's first step. So ``step`` advances by whole iterations, and may overshoot what
    ``advance`` was asked for. The global generators that SB3 draws from are the run's own while it trains
    (``rl.randomness``).

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
        aims = config.success is not None or tasks.batched(config.task) is not None
        self._curve = TargetCurve(config.evaluation.threshold, config.steps, aims)
        self.kept = KeptPolicies(context.snapshots / "policies", config.ensemble_size)
        self._randomness = OwnRandomness(config.seed, context.device)
        with self._randomness:
            self.batch = environments.build(config, config.n_envs, config.seed)
            self.env = Normalised(
                channels_first(self.batch),
                observations=config.standardised,
                rewards=config.normalise_rewards,
                gamma=config.agent.gamma,
            )
            self.model = build(config, self.env, context)
            if context.initial:
                begin_with(context.initial, self.model, self.env)
            self.curriculum = self._teacher()
            self._conducting = ConductorCallback(config.parsed_voices(), levels=self._levels)
            if config.ensemble_size:
                self._conducting.on("trough", of=RATE, do=self._keep_trough)
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
        return dict.fromkeys(self.config.measured_names(), 1.0) if self.curriculum is None else self.curriculum.levels()

    # -- training ------------------------------------------------------------------------------------------------------

    def advance(self, until: int) -> None:
        """Whole iterations until ``step >= until``.

        Raises:
            NonFiniteError: a loss or a weight is no longer finite.
        """
        if self.step == 0:
            self._say_what_is_unusual()
        with self._randomness, _unvalidated_distributions():
            while self.step < until:
                self._iterate()
        self._refuse_bad_weights()

    def _iterate(self) -> None:
        """Experience and an update, conducted by the step at which the iteration begins."""
        model, agent = self.model, self.config.agent
        agent.iterate(model, self.env, self._callback)
        self.step = model.num_timesteps
        noted = model.logger.name_to_value
        row = {name: float(noted[key]) for key, name in agent.columns.items() if key in noted}
        noted.clear()
        self._refuse_non_finite(row)
        self._means.add({name: value for name, value in row.items() if np.isfinite(value)})
        difficulty = self.batch.difficulty
        if difficulty is None and self.curriculum is not None:  # environments that take one and do not say it
            difficulty = self.curriculum.running
        if difficulty is not None:
            self._means.add({"curriculum/difficulty": float(difficulty.mean())})

    def _refuse_non_finite(self, row: Mapping[str, float]) -> None:
        """Stop before a bad update is acted upon."""
        for name, value in row.items():
            if not np.isfinite(value) and name not in _UNDEFINED:
                raise NonFiniteError(name, self.step, value)

    def _refuse_bad_weights(self) -> None:
        """Stop before a bad update is logged or saved."""
        for name, weights in self.model.policy.named_parameters():
            if not torch.isfinite(weights).all():
                raise NonFiniteError(f"weights/{name}", self.step)

    def metrics(self) -> dict[str, float]:
        """Means since the last call, and over the last 100 episodes for ``rollout/…``."""
        position = self._clock.position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        row |= {f"voice/{name}": value for name, value in self._conducting.values.items()}
        row |= self._means.take()
        if self.curriculum is not None and hasattr(self.curriculum.teacher, "frontier"):
            row["curriculum/frontier"] = self.curriculum.levels()["frontier"]
        episodes, successes = self.model.ep_info_buffer, self.model.ep_success_buffer
        if episodes:
            row["rollout/return"] = float(np.mean([episode["r"] for episode in episodes]))
            row["rollout/length"] = float(np.mean([episode["l"] for episode in episodes]))
        if successes:
            row["rollout/success"] = float(np.mean(successes))
        return row

    # -- evaluation ----------------------------------------------------------------------------------------------------

    def evaluate(self) -> dict[str, float]:
        """Mean return and success of the deterministic policy over the grid of difficulties; keeps the best policy."""
        row: dict[str, float] = {}
        scores = self.scores()
        for score in scores:
            row |= score.columns()
        row |= self._curve.add(self.step, scores[-1])
        if self._curve.best:
            self.kept.keep_best(self.step, snapshot(self.model.policy, self.env))
        if self.config.curvature:
            row |= measured(self.model)
        return row

    def scores(
        self,
        episodes: int | None = None,
        grid: Sequence[float] | None = None,
        act: Act | None = None,
        held_out: bool = False,
    ) -> list[Score]:
        """The same evaluation episode by episode; the target task alone where the environment has no difficulty.

        Args:
            episodes: per difficulty; the configured number if None.
            grid: the difficulties; the configured ones if None.
            act: the policy; the present one if None.
            held_out: whether episodes begin in other states than those in which the best policy was chosen.
        """
        episodes = episodes or self.config.evaluation.episodes
        levels = tuple(grid or self.config.evaluation.grid()) if self.batch.has_difficulty else (1.0,)
        seed = self.config.seed + (_HELD_OUT_SEED if held_out else _EVALUATION_SEED)
        env, wanted = self._evaluation_env, len(levels) * episodes
        if env is not None and (env.num_envs != wanted or not env.exact):
            env.close()  # some keep what a reset does not renew, as Box2D's world does
            env = None
        self._evaluation_env = env or environments.build(self.config, wanted, seed)
        masked, aims = self.config.agent.masked, self._curve.aims
        return play(self._evaluation_env, act or self.act, levels, episodes, seed, masked, aims)

    @property
    def act(self) -> Actor:
        """The present policy, deterministic, on raw observations [n, *shape] or a Dict of them."""
        return Actor(self.model.policy, self.env.observations)

    def best(self) -> Actor:
        """The policy that was best on the target task at an evaluation, as it was then."""
        return restored(self.model, self.env.observations, self.kept.best()[1])

    def ensemble(self) -> Ensemble:
        """The policies kept at the troughs of the learning rate, acting as one."""
        actors = [restored(self.model, self.env.observations, state) for _, state in self.kept.troughs()]
        return Ensemble(actors, self.env.action_space)

    def _keep_trough(self, due: int) -> None:
        """Keep the policy of the rollout that begins now, the first since the trough."""
        if due > 0:
            self.kept.keep_trough(self.model.num_timesteps, snapshot(self.model.policy, self.env))

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything; ``envs`` is None where the environments cannot say their state (any Gymnasium id)."""
        model = self.model
        exact = self.batch.exact
        return {
            "step": self.step,
            **agent_state(model),
            "normaliser": self.env.state_dict(),
            "envs": self.batch.state_dict() if exact else None,
            "observations": each(np.array, model._last_obs) if exact else None,
            "originals": each(np.array, model._last_original_obs) if exact else None,
            "episode_starts": np.array(model._last_episode_starts) if exact else None,
            "curriculum": None if self.curriculum is None else self.curriculum.state_dict(),
            "voices": self._conducting.state_dict(),
            "means": self._means.state_dict(),
            "curve": self._curve.state_dict(),
            "randomness": self._randomness.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``; a copy of a run continues bit for bit, where the environments allow it.

        Environments that cannot say their state begin new episodes, and the run says so in a warning and an event.
        """
        self.load_agent(state)
        model = self.model
        load_agent_state(model, state)
        if self.curriculum is not None:
            self.curriculum.load_state_dict(state["curriculum"])
        self._conducting.load_state_dict(state["voices"])
        self._means.load_state_dict(state["means"])
        self._randomness.load_state_dict(state["randomness"])
        if state["envs"] is None:
            self._restart_episodes()
        else:
            self.batch.load_state_dict(state["envs"])
            model._last_obs = each(np.array, state["observations"])
            model._last_original_obs = each(np.array, state["originals"])
            model._last_episode_starts = np.array(state["episode_starts"], dtype=np.bool_)
        if "exploration_rate" not in self.config.voices and (jump := exploration_jump(model)):
            message = (
                f"random actions go from {jump[0]:.0%} back to {jump[1]:.0%}: their share is of the longer run's steps"
            )
            warnings.warn(message, stacklevel=2)
            self._event("warning", self.step, message=message)

    def load_agent(self, state: Mapping[str, Any]) -> None:
        """Only what acting and scoring need: the policy, the normalisation it sees through, the scores until now."""
        self.step = self.model.num_timesteps = int(state["step"])
        load_networks(self.model, state)
        self.env.load_state_dict(state["normaliser"])
        self._curve.load_state_dict(state["curve"])

    def load_learner(self, state: Mapping[str, Any]) -> None:
        """What :meth:`load_agent` loads, and all that learning goes on from but for what was experienced."""
        self.load_agent(state)
        load_agent_state(self.model, {**state, "replay": None})
        for name, value in state["voices"]["values"].items():
            live_target(self.model, name)(float(value))

    def _say_what_is_unusual(self) -> None:
        """At the start: whether a resume will go on with the running episodes, and whether episodes may be endless."""
        messages = []
        if not self.batch.exact:
            messages.append(f"{self.config.task} cannot save its state: a resume will begin new episodes")
        if self.batch.time_limit is None:
            messages.append(
                f"{self.config.task} has no time limit that is known: an evaluation counts an episode as it stands "
                f"after {LONGEST:,} steps; max_episode_steps sets a limit"
            )
        for message in messages:
            warnings.warn(message, stacklevel=3)
            self._event("warning", self.step, message=message)

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
            if self.curriculum is not None:
                self.curriculum.begin_again()
            self.model._last_obs = self.env.reset()
            if self.model.get_vec_normalize_env() is not None:
                self.model._last_original_obs = self.env.get_original_obs()
            # A recurrent policy forgets where an episode starts, whatever it remembered at the checkpoint.
            self.model._last_episode_starts = np.ones(self.config.n_envs, dtype=np.bool_)


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

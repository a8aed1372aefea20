"""The phase engine as a guest in your own Stable-Baselines3 script: a schedule and two callbacks.

Learning rate and clip range on the clock, for one ``learn()`` call::

    clock = Clock.split(total=100_000, cycles=5)
    lr = Schedule(clock, wave="cosine", low=1e-5, high=1e-3)
    model = PPO("MlpPolicy", env, learning_rate=PhaseSchedule(lr, total_timesteps=100_000))

Any live attribute, on the absolute step ``model.num_timesteps`` (right across several ``learn()`` calls, too)::

    model.learn(100_000, callback=ConductorCallback({"learning_rate": lr, "ent_coef": entropy}))

A curriculum, and a learning rate that falls as the task gets harder::

    curriculum = CurriculumCallback(teacher)
    lr = Follower("difficulty", low=2e-4, high=1.8e-3, anti=True)
    model.learn(100_000, callback=[curriculum, ConductorCallback({"learning_rate": lr}, levels=curriculum.levels)])
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from curricula.difficulty import axis_names, for_one
from curricula.teachers import Episodes, Teacher, frontier
from lab.errors import UserError
from rl.live import live_target
from rl.vec_env import BatchedVecEnv

if TYPE_CHECKING:
    from lab.phase import Conductor, Voice
    from lab.phase.voice import Event

__all__ = ["ConductorCallback", "CurriculumCallback", "PhaseSchedule"]


@dataclass(frozen=True)
class PhaseSchedule:
    """A schedule in the form SB3 takes for ``learning_rate``, ``clip_range`` and the like: a callable of progress.

    SB3 tells its schedules ``p = 1 - num_timesteps / total``, which runs from 1 to 0 and beyond: whole rollouts
    overshoot the total, and an unclamped linear schedule then turns negative. Here
    ``step = round((1 - clamp(p, 0, 1)) * total_timesteps)`` and the answer is ``schedule(step)``.

    The object is picklable and equal to its copy, so ``model.save`` and ``load`` keep it; where this package is not
    installed, ``load`` takes ``custom_objects={"learning_rate": 0.0, "lr_schedule": lambda _: 0.0}`` in its place.

    SB3 tells it nothing but p, so ``total_timesteps`` must be what ``learn()`` is given: a second
    ``learn(reset_num_timesteps=True)`` starts over at step 0, and with ``reset_num_timesteps=False`` SB3's p jumps;
    use :class:`ConductorCallback` there.

    Args:
        schedule: a pure function of the step (``lab.phase.Schedule`` and its relations).
        total_timesteps: environment steps, ≥ 1; the argument of ``learn()``.

    Raises:
        UserError: total_timesteps below 1, or a schedule that is negative or not finite on the way.
    """

    schedule: Voice
    total_timesteps: int

    def __post_init__(self) -> None:
        total = self.total_timesteps
        if isinstance(total, bool) or not isinstance(total, int) or total < 1:
            raise UserError(f"total_timesteps {total!r}: a whole number of steps ≥ 1 is accepted")
        steps = np.unique(np.linspace(0, total, 10_001).astype(np.int64))
        values = np.asarray(self.schedule(steps), dtype=np.float64)
        if not np.all(values >= 0.0) or not np.all(np.isfinite(values)):
            raise UserError(
                f"schedule {self.schedule}: SB3 takes only finite values ≥ 0, and it reaches {values.min()}"
            )

    def __call__(self, progress_remaining: float) -> float:
        """The schedule's value where SB3 says ``progress_remaining`` (1 at the start, 0 at the end)."""
        progress = min(max(1.0 - progress_remaining, 0.0), 1.0)
        return float(self.schedule(round(progress * self.total_timesteps)))


class ConductorCallback(BaseCallback):
    """Set live attributes of an SB3 model from schedules, at the start of every rollout, by ``model.num_timesteps``.

    Accepted names are the numbers a model reads while it trains: ``learning_rate``, ``clip_range``, ``clip_range_vf``,
    ``ent_coef``, ``vf_coef``, ``target_kl``, ``n_epochs``, ``batch_size``, ``max_grad_norm``, ``gae_lambda``, ``tau``,
    ``gamma``, ``exploration_rate``, … Where a number lives in several places (``gamma`` is also in the rollout
    buffer and in VecNormalize) all are set. A misspelt name, a number that the model does not read while it trains
    (``n_steps``, ``buffer_size``) or one that it learns itself (SAC's ``ent_coef="auto"``) is an error when training
    starts. Whole numbers (``n_epochs``, ``batch_size``) are rounded, and are at least 1.

    Args:
        conductor: a mapping from attribute to schedule or follower, or a whole ``Conductor`` of your own targets
            (its events fire too).
        levels: for followers: answers the levels in [0, 1] by name, e.g. ``CurriculumCallback.levels``.
    """

    def __init__(
        self,
        conductor: Conductor | Mapping[str, Any],
        *,
        levels: Callable[[], Mapping[str, float]] | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self._source = conductor
        self._conductor: Conductor | None = None
        self._levels = levels
        self._since: int | None = None
        self._events: list[Callable[[Conductor], None]] = []
        self._told = 0
        """How many of the events this conductor knows."""
        self.values: dict[str, float] = {}
        """What was set last, by name."""

    def on(self, moment: Event, *, of: str, do: Callable[[int], object]) -> None:
        """Call ``do(step)`` at each crest or trough of one of the schedules, or at a phase of it.

        It is called at the start of the first rollout that begins at that moment or after it, or when training ends:
        once, however many calls of ``learn()`` training is made of.

        Raises:
            PhaseError: when training starts, if the schedule has no such moment (a constant has none).
        """
        self._events.append(partial(_when, moment=moment, of=of, do=do))

    def state_dict(self) -> dict[str, Any]:
        """What was set last, and at which step."""
        return {"values": dict(self.values), "since": self._since}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was called: events that fell since then are told at the next rollout."""
        self.values = {str(name): float(value) for name, value in state["values"].items()}
        self._since = None if state["since"] is None else int(state["since"])

    def _on_training_start(self) -> None:
        from lab.phase import Conductor, targets

        if isinstance(self._source, Mapping):
            bound = {name: (voice, targets.call(live_target(self.model, name))) for name, voice in self._source.items()}
            self._conductor, self._told = Conductor(bound), 0
        else:
            self._conductor = self._source
        for tell in self._events[self._told :]:
            tell(self._conductor)
        self._told = len(self._events)
        if self._since is not None and self._since >= self.model.num_timesteps:  # steps are counted anew
            self._since = None

    def _on_rollout_start(self) -> None:
        assert self._conductor is not None, "on_training_start comes first"
        step = self.model.num_timesteps
        levels = {} if self._levels is None else self._levels()
        self.values = self._conductor.step(step, levels, since=self._since)
        self._since = step
        for name, value in self.values.items():
            self.logger.record(f"voice/{name}", value)

    def _on_training_end(self) -> None:
        last = self.model.num_timesteps - 1
        if self._conductor is not None and self._since is not None and last > self._since:
            self._conductor.fire(last, self._since)
            self._since = last

    def _on_step(self) -> bool:
        return True


class CurriculumCallback(BaseCallback):
    """Let a teacher choose the difficulty of every next episode, and tell it how the ended ones went.

    The environments must have ``set_difficulty(d)`` that stores d for the *next* reset (``lab/…``, `curricula.adapt`,
    in any SB3 ``VecEnv``, and the batched ``rl.vec_env.BatchedVecEnv``): SB3 resets an environment inside the step
    that ends its episode, so what is set afterwards would come one episode late, or change the physics in mid-air. A
    difficulty is therefore always waiting: it is drawn anew at every rollout's start and after every ended episode.

    A teacher of several axes answers a row for each environment; it is given to a batch as it is, and to a single
    environment as ``{axis: difficulty}``, by the names in its ``axes``.

    Args:
        teacher: of ``curricula.teachers``.
        seed: of the teacher's own random generator.

    Raises:
        UserError: when training starts, if the environments have no ``set_difficulty``.
    """

    def __init__(self, teacher: Teacher, *, seed: int = 0, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.teacher = teacher
        self._rng = np.random.default_rng([seed, 0xC0])
        self._axes: tuple[str, ...] = ()
        self._waiting = np.zeros(0)
        self._running = np.zeros(0)
        self._left: Any = None

    def levels(self) -> dict[str, float]:
        """What followers read: the teacher's mean ``difficulty``, and its ``frontier``."""
        return {"difficulty": self.teacher.level, "frontier": frontier(self.teacher)}

    @property
    def running(self) -> NDArray[np.float64]:
        """The difficulty that each running episode was offered as it began, float64[num_envs]; the mean over axes."""
        return self._running if self._running.ndim == 1 else self._running.mean(axis=1)

    def state_dict(self) -> dict[str, Any]:
        """The teacher's state, its random generator, and the difficulties waiting and running."""
        return {
            "teacher": self.teacher.state_dict(),
            "generator": self._rng.bit_generator.state,
            "waiting": self._waiting.copy(),
            "running": self._running.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.teacher.load_state_dict(state["teacher"])
        self._rng.bit_generator.state = state["generator"]
        self._waiting = np.array(state["waiting"], dtype=np.float64)
        self._running = np.array(state["running"], dtype=np.float64)

    def _on_training_start(self) -> None:
        env = self.training_env
        if not _takes_difficulty(env):
            told = "curriculum: the environments have no set_difficulty; accepted: "
            raise UserError(f"{told}lab/… tasks, and yours by curricula.adapt(env, axes)")
        self._axes = _axes_of(env)
        self._offer()
        # SB3's off-policy agents leave all episodes marked as just begun: what was left by learn() still runs.
        fresh = self.model._last_obs is not None and self.model._last_obs is not self._left
        begins = fresh and bool(np.all(self.model._last_episode_starts))
        if begins or len(self._running) != len(self._waiting):  # else they run on from an earlier learn()
            self._running = self._waiting.copy()
        if begins:
            # learn() has already begun the first episodes, at the environments' own difficulty: begin them again.
            self.model._last_obs = env.reset()  # type: ignore[assignment]  # SB3's own spaces decide
            normaliser = self.model.get_vec_normalize_env()
            if normaliser is not None:
                self.model._last_original_obs = normaliser.get_original_obs()

    def _on_rollout_start(self) -> None:
        self.teacher.update(Episodes.none(self.model.num_timesteps))
        before = self._waiting
        self._waiting = self._drawn()
        if not np.array_equal(before, self._waiting):  # with off-policy agents every step is a rollout
            self._give()
        for name, level in self.levels().items():
            self.logger.record(f"curriculum/{name}", level)

    def _on_step(self) -> bool:
        dones = self.locals["dones"]
        if dones.any():
            ended = np.flatnonzero(dones)
            self.teacher.update(self._episodes(ended, [self.locals["infos"][index] for index in ended]))
            self._running[ended] = self._waiting[ended]
            self._offer()
        return True

    def _on_training_end(self) -> None:
        self._left = self.model._last_obs

    def _offer(self) -> None:
        """Draw what the next episode of each environment adopts."""
        self._waiting = self._drawn()
        self._give()

    def _drawn(self) -> NDArray[np.float64]:
        return self.teacher.difficulty(self._rng, self.training_env.num_envs)

    def begin_again(self) -> None:
        """Give the environments what waits for their next episodes, all of which begin now (their states are lost)."""
        self._give()
        self._running = self._waiting.copy()

    def _give(self) -> None:
        env = self.training_env
        batch = env.unwrapped
        if isinstance(batch, BatchedVecEnv):
            batch.set_difficulty(self._waiting)
            return
        for index, difficulty in enumerate(self._waiting):
            env.env_method("set_difficulty", for_one(difficulty, self._axes), indices=index)

    def _episodes(self, ended: NDArray[np.intp], infos: Sequence[Mapping[str, Any]]) -> Episodes:
        """What the teacher learns of the episodes that ended in this step."""
        successes = [info.get("is_success", info.get("success")) for info in infos]
        if None in successes and getattr(self.teacher, "least_return", None) is None:
            warnings.warn("curriculum: episodes report no success (info['success']); counted as failures", stacklevel=2)
        stats = [info.get("episode", {}) for info in infos]
        told = "difficulty" if self._running.ndim == 1 else "difficulties"
        return Episodes(
            step=self.model.num_timesteps,
            difficulty=np.array(
                [info.get(told, self._running[index]) for index, info in zip(ended, infos, strict=True)]
            ),
            returns=np.array([episode.get("r", np.nan) for episode in stats], dtype=np.float64),
            lengths=np.array([episode.get("l", 0) for episode in stats], dtype=np.int64),
            success=np.array([bool(success) for success in successes]),
        )


def _when(conductor: Conductor, moment: Event, of: str, do: Callable[[int], object]) -> None:
    conductor.on(moment, of=of, do=do)


def _takes_difficulty(env: VecEnv) -> bool:
    batch = env.unwrapped
    return batch.has_difficulty if isinstance(batch, BatchedVecEnv) else env.has_attr("set_difficulty")


def _axes_of(env: VecEnv) -> tuple[str, ...]:
    """The names of the environments' axes of difficulty, where they name any."""
    batch = env.unwrapped
    if isinstance(batch, BatchedVecEnv):
        return batch.axes
    return axis_names(env.get_attr("axes", indices=0)[0]) if env.has_attr("axes") else ()

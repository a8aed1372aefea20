"""Many environments in one: any task as a NumPy-batched `gymnasium.vector.VectorEnv`, each with its own difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from curricula.difficulty import Difficulty, FloatArray, level, parse_axes, spread
from curricula.streams import Streams
from curricula.tasks.single import Columns, checked_render_mode, column, parameter_values, picture
from curricula.tasks.task import Task, limits_of, load_task
from lab.errors import UserError

BoolArray = NDArray[np.bool_]
Step = tuple[NDArray[np.float32], FloatArray, BoolArray, BoolArray, dict[str, Any]]

_ZERO, _ONE = np.array(0), np.array(1)
"""Arrays without axes, which NumPy adds and compares in half the time that plain numbers take it."""


class BatchedTask(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """``num_envs`` copies of a task, stepped together; step for step what as many single environments would do.

    Environments reset themselves in the step in which their episode ends (``AutoresetMode.SAME_STEP``); environment i
    seeded with s draws from the same generator as a single environment seeded with s + i. On steps in which episodes
    end ``info`` holds, beside ``difficulty`` (float64[num_envs], of the episodes that now run):

    - ``final_obs``: object[num_envs], the last observation of ended episodes, None elsewhere (``_final_obs`` the mask);
    - ``final_info``: ``difficulty``, ``difficulties`` (of each axis, float64[num_envs, axes]) and ``success`` of the
      ended episodes, with masks as Gymnasium writes them;
    - ``episode``: ``r`` the return and ``l`` the length of the ended episodes, 0 elsewhere (``_episode`` the mask), as
      Gymnasium's RecordEpisodeStatistics writes them, without its wall-clock time;
    - ``success``: bool[num_envs], whether an ended episode reached the task's aim (``_success`` the mask).

    All masks of a step are one array.
    """

    def __init__(
        self,
        task: str | Task[Any],
        num_envs: int = 1,
        difficulty: Difficulty = 1.0,
        axes: Mapping[str, Any] | None = None,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Prepare the batch.

        Args:
            task: a task, or ``module:Class``.
            num_envs: how many environments.
            difficulty: of the first episodes, as in ``set_difficulty``.
            axes: what difficulty moves, ``{parameter: {easy, target, scale?}}``; the task's own axes by default.
            max_episode_steps: the time limit; the task's own by default.
            render_mode: ``rgb_array`` or None.

        Raises:
            UserError: for a value that is not accepted.
        """
        self.task = load_task(task)
        self.num_envs = _count("num_envs", num_envs)
        self.axes = parse_axes(axes, self.task.axes, self.task.parameters, limits_of(self.task))
        self.max_episode_steps = _count(
            "max_episode_steps", self.task.max_episode_steps if max_episode_steps is None else max_episode_steps
        )
        self._limit = np.array(self.max_episode_steps)
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": self.task.render_fps,
        }
        self.single_observation_space = self.task.observation_space
        self.single_action_space = self.task.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._action_shape = self.action_space.shape or ()
        discrete = isinstance(self.single_action_space, gym.spaces.Discrete)
        self._choices = np.array(cast(gym.spaces.Discrete, self.single_action_space).n) if discrete else None
        self._pending = spread(difficulty, self.axes, num_envs)
        self._current = self._pending.copy()
        self._derive()
        self._streams = Streams(self.num_envs, self.task.draws)
        self._state: FloatArray | None = None
        self._elapsed = np.zeros(num_envs, dtype=np.int64)
        self._returns = np.zeros(num_envs)

    @property
    def difficulty(self) -> FloatArray:
        """The difficulty of each running episode, float64[num_envs]; of a named vector, its mean."""
        return self._level.copy()

    @property
    def pending_difficulty(self) -> FloatArray:
        """The difficulty that each environment will adopt at its own next reset, float64[num_envs]."""
        return level(self._pending)

    def set_difficulty(self, difficulty: Difficulty, where: BoolArray | None = None) -> None:
        """Store the difficulty of the next episodes; each environment adopts its own at its next reset, not before.

        Args:
            difficulty: a number, an array [num_envs] or [num_envs, axes], or ``{axis: number or array}``; every value
                in [0, 1].
            where: bool[num_envs], the environments that are meant; all by default.
        """
        rows = spread(difficulty, self.axes, self.num_envs)
        self._pending = rows if where is None else np.where(where, rows, self._pending)
        self._awaited = True

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode in every environment, or in those of ``options["reset_mask"]``.

        Args:
            seed: environment i draws from seed + i, or from its own of a sequence; None goes on with its generator.
            options: ``difficulty`` (as in ``set_difficulty``, for these episodes and those after) and ``reset_mask``.
        """
        options = dict(options or {})
        mask = _mask(options.pop("reset_mask", None), self.num_envs)
        if "difficulty" in options:
            rows = spread(options.pop("difficulty"), self.axes, self.num_envs, "options.difficulty")
            self._pending, self._awaited = np.where(mask, rows, self._pending), True
        if options:
            raise UserError(f"options.{next(iter(options))} is unknown; accepted: difficulty, reset_mask")
        self._streams.seed(seed, mask)
        if self._state is None:
            mask = np.ones(self.num_envs, dtype=np.bool_)
        self._begin(mask, mask.nonzero()[0])
        return self.task.observe(cast(FloatArray, self._state)), {"difficulty": self._level.copy()}

    def step(self, actions: NDArray[Any]) -> Step:
        """One step of every environment; those whose episode ends begin the next one in the same step."""
        if self._state is None:
            raise UserError("step was called before reset; accepted: reset first")
        self._state, reward, terminated = self.task.advance(self._state, self._checked(actions), self._physics)
        self._elapsed += _ONE
        self._returns += reward
        truncated = self._elapsed >= self._limit
        observation = self.task.observe(self._state)
        done = terminated | truncated
        index = done.nonzero()[0]
        if not index.size:
            return observation, reward, terminated, truncated, {"difficulty": self._level.copy()}
        info = self._ended(observation, done, index, self.task.success(self._state, terminated) & done)
        observation[index] = self.task.observe(self._begin(done, index))
        info["difficulty"] = self._level.copy()
        return observation, reward, terminated, truncated, info

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture for each environment, uint8[height, width, 3]."""
        if self.render_mode is None or self._state is None:
            return None
        shown = range(self.num_envs)
        return tuple(
            picture(self.task, self._state[:, i], column(self._values, i), float(self._level[i])) for i in shown
        )

    def state_dict(self) -> dict[str, Any]:
        """All that an exact continuation needs, in the middle of episodes too: arrays and JSON values.

        Raises:
            UserError: before the first reset, when there is no state.
        """
        if self._state is None:
            raise UserError("state_dict was called before reset; accepted: reset first")
        return {
            "state": self._state.copy(),
            "elapsed": self._elapsed.copy(),
            "returns": self._returns.copy(),
            "difficulty": self._current.copy(),
            "pending": self._pending.copy(),
            "generators": self._streams.save(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken.

        Raises:
            UserError: where the state belongs to another number of environments or other axes.
        """
        if np.shape(state["difficulty"]) != self._current.shape:
            raise UserError(
                f"the saved difficulty has shape {list(np.shape(state['difficulty']))}; accepted: "
                f"{list(self._current.shape)} (axes × environments)"
            )
        self._state = np.array(state["state"], dtype=np.float64)
        self._elapsed = np.array(state["elapsed"], dtype=np.int64)
        self._returns = np.array(state["returns"], dtype=np.float64)
        self._current = np.array(state["difficulty"], dtype=np.float64)
        self._pending = np.array(state["pending"], dtype=np.float64)
        self._streams.load(state["generators"])
        self._derive()

    def _begin(self, mask: BoolArray, index: NDArray[np.intp]) -> FloatArray:
        """Begin an episode in some environments: adopt what is pending, draw first states, [rows, len(index)]."""
        if self._awaited:
            self._current = np.where(mask, self._pending, self._current)
            self._derive()
        firsts = self.task.first(self._streams.take(index), Columns(self._values, index))
        if self._state is None:
            self._state = firsts
        self._state[:, index] = firsts
        self._elapsed[index] = 0
        self._returns[index] = 0.0
        return firsts

    def _ended(
        self, observation: NDArray[np.float32], done: BoolArray, index: NDArray[np.intp], success: BoolArray
    ) -> dict[str, Any]:
        """What ``info`` says of the episodes that end in this step: ``done`` as a mask, ``index`` as numbers."""
        final = np.empty(self.num_envs, dtype=object)
        final[index] = np.fromiter(observation[index], dtype=object, count=index.size)
        return {
            "final_obs": final,
            "_final_obs": done,
            "final_info": {
                "difficulty": _only(index, self._level),
                "_difficulty": done,
                "difficulties": np.where(done[:, None], self._current.T, 0.0),
                "_difficulties": done,
                "success": success,
                "_success": done,
            },
            "_final_info": done,
            "episode": {"r": _only(index, self._returns), "l": _only(index, self._elapsed)},
            "_episode": done,
            "success": success,
            "_success": done,
        }

    def _derive(self) -> None:
        """What follows from the difficulties of the running episodes, and whether any environment awaits another."""
        self._awaited = not np.array_equal(self._current, self._pending)
        self._level = level(self._current)
        self._values = parameter_values(self.task, self.axes, self._current)
        self._physics = self.task.physics(self._values)

    def _checked(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Actions of the right shape; a discrete one that does not exist would silently be other physics."""
        actions = np.asarray(actions)
        if actions.shape != self._action_shape:
            raise UserError(f"actions have shape {list(actions.shape)}; accepted: {list(self._action_shape)}")
        if self._choices is not None:
            wrong = (actions < _ZERO) | (actions >= self._choices)
            if np.count_nonzero(wrong):  # five times faster than any()
                raise UserError(f"action is {actions[wrong][0]}; accepted: 0 to {self._choices - 1}")
        return actions


def _only(index: NDArray[np.intp], values: NDArray[Any]) -> NDArray[Any]:
    """The values at an index, 0 elsewhere."""
    kept = np.zeros(values.shape, values.dtype)
    kept[index] = values[index]
    return kept


def _count(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise UserError(f"{field} is {value!r}; accepted: a whole number of at least 1")
    return int(value)


def _mask(mask: Any, num_envs: int) -> BoolArray:
    if mask is None:
        return np.ones(num_envs, dtype=np.bool_)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise UserError(
            f"options.reset_mask is {mask!r}; accepted: a boolean array [{num_envs}] with at least one True"
        )
    return mask

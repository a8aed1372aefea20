"""One environment with a difficulty: any task as a `gymnasium.Env`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import Difficulty, FloatArray, level, parse_axes, spread
from curricula.tasks.drawing import Canvas
from curricula.tasks.task import Task, limits_of, load_task
from lab.errors import UserError


class TaskEnv(gym.Env[NDArray[np.float32], Any]):
    """A task as a single environment, made by ``gym.make("lab/…", difficulty=…, axes=…)``.

    ``info["difficulty"]`` is the difficulty of the running episode, in reset and in step, and ``info["difficulties"]``,
    in step, that of each axis. ``info["success"]``, in step, says whether the episode reaches the task's aim if it ends
    here: in the last step it is the episode's outcome.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 (Gymnasium's own shape)

    def __init__(
        self,
        task: str | Task[Any],
        difficulty: Difficulty = 1.0,
        axes: Mapping[str, Any] | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Prepare the task at a difficulty.

        Args:
            task: a task, or ``module:Class``.
            difficulty: a number in [0, 1] or ``{axis: number}``; 0 is the easiest, 1 the target.
            axes: what difficulty moves, ``{parameter: {easy, target, scale?}}``; the task's own axes by default.
            render_mode: ``rgb_array`` or None.

        Raises:
            UserError: for a value that is not accepted.
        """
        self.task = load_task(task)
        self.axes = parse_axes(axes, self.task.axes, self.task.parameters, limits_of(self.task))
        self.observation_space = self.task.observation_space
        self.action_space = self.task.action_space
        self.metadata = {**self.metadata, "render_fps": self.task.render_fps}
        self.render_mode = checked_render_mode(render_mode)
        self._pending = spread(difficulty, self.axes, 1)
        self._adopt()
        self._state: FloatArray | None = None

    @property
    def difficulty(self) -> float:
        """The difficulty of the running episode; of a named vector, its mean."""
        return self._level

    def set_difficulty(self, difficulty: Difficulty) -> None:
        """Store the difficulty of the next episode: the running one is left alone, the next ``reset`` adopts it."""
        self._pending = spread(difficulty, self.axes, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode; ``options={"difficulty": d}`` sets the difficulty of this episode and of those after it."""
        super().reset(seed=seed)
        for key, value in (options or {}).items():
            if key != "difficulty":
                raise UserError(f"options.{key} is unknown; accepted: difficulty")
            self._pending = spread(value, self.axes, 1, "options.difficulty")
        self._adopt()
        self._state = self.task.first(self.np_random.random((self.task.draws, 1)), self._values)
        return self.task.observe(self._state)[0], {"difficulty": self.difficulty}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of the task; the time limit is Gymnasium's wrapper's affair."""
        if self._state is None:
            raise UserError("step was called before reset; accepted: reset first")
        self._state, reward, terminated = self.task.advance(self._state, self._checked(action)[None], self._physics)
        success = self.task.success(self._state, terminated)
        info = {"difficulty": self.difficulty, "difficulties": self._current.copy(), "success": bool(success[0])}
        info["is_success"] = info["success"]  # the name that SB3 reads
        return self.task.observe(self._state)[0], float(reward[0]), bool(terminated[0]), False, info

    def render(self) -> NDArray[np.uint8] | None:
        """The present state as uint8[height, width, 3]."""
        if self.render_mode is None or self._state is None:
            return None
        return picture(self.task, self._state[:, 0], column(self._values, 0), self.difficulty)

    def _checked(self, action: Any) -> NDArray[Any]:
        """The action as an array; a continuous one may lie outside its space (tasks clip, as Gymnasium's own do)."""
        array = np.asarray(action)
        discrete = isinstance(self.action_space, gym.spaces.Discrete)
        if array.shape != self.action_space.shape or (discrete and not self.action_space.contains(action)):
            raise UserError(f"action is {action!r}; accepted: {self.action_space}")
        return array

    def _adopt(self) -> None:
        self._current = self._pending[:, 0]
        self._level = float(level(self._pending)[0])
        self._values = parameter_values(self.task, self.axes, self._pending)
        self._physics = self.task.physics(self._values)


def parameter_values(task: Task[Any], axes: tuple[Any, ...], difficulty: FloatArray) -> dict[str, FloatArray]:
    """Every parameter of the task, float64[n], at difficulties [axes, n]."""
    values = {name: np.full(difficulty.shape[1], value) for name, value in task.parameters.items()}
    return values | {axis.name: axis(row) for axis, row in zip(axes, difficulty, strict=True)}


class Columns(Mapping[str, FloatArray]):
    """The parameters of some environments of the batch, picked out where they are asked for."""

    def __init__(self, values: Mapping[str, FloatArray], index: NDArray[np.intp]) -> None:
        """Look at ``values`` (each float64[n]) at ``index``."""
        self._values, self._index = values, index

    def __getitem__(self, name: str) -> FloatArray:
        """One parameter, float64[len(index)]."""
        return self._values[name][self._index]

    def __iter__(self) -> Iterator[str]:
        """The parameters' names."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many parameters."""
        return len(self._values)


def column(values: Mapping[str, FloatArray], index: int) -> dict[str, float]:
    """The parameters of one environment of the batch."""
    return {name: float(value[index]) for name, value in values.items()}


def checked_render_mode(render_mode: str | None) -> str | None:
    """Refuse a mode that cannot be shown: a window would need a display library."""
    if render_mode not in (None, "rgb_array"):
        raise UserError(f"render_mode is {render_mode!r}; accepted: rgb_array, None")
    return render_mode


def picture(task: Task[Any], state: FloatArray, values: Mapping[str, float], difficulty: float) -> NDArray[np.uint8]:
    """One environment's state, painted, with its difficulty in words."""
    canvas = Canvas()
    task.draw(canvas, state, values)
    canvas.caption(f"difficulty {difficulty:.2f}")
    return canvas.pixels()

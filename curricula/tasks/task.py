"""What a task is: pure dynamics over a batch, written once and used by single and batched environments alike."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import Axis, FloatArray
from curricula.tasks.drawing import Canvas
from lab.errors import UserError

Physics = TypeVar("Physics")
"""A task's own record of what its equations need, as arrays float64[n]."""


class Task(Protocol, Generic[Physics]):
    """A family of environments that differ in their parameters; it holds no state of any episode.

    States are float64[rows, n]: one row per quantity, one column per environment. Every function treats each column
    alone, so a batch of n is exactly n environments. A new task is one module with one such class, and one line in
    ``curricula.tasks.registration``. A task may have ``limits`` as well (`limits_of`).

    Attributes:
        parameters: every parameter, with the value it has in the standard task.
        axes: the parameters that difficulty moves unless the user configures others.
        max_episode_steps: the standard time limit.
        draws: how many random numbers a first state takes.
        observation_space: of one environment.
        action_space: of one environment.
        render_fps: frames a second at natural speed.
    """

    parameters: Mapping[str, float]
    axes: tuple[Axis, ...]
    max_episode_steps: int
    draws: int
    observation_space: gym.Space[Any]
    action_space: gym.Space[Any]
    render_fps: int

    def physics(self, values: Mapping[str, FloatArray]) -> Physics:
        """What the equations need, derived anew from the parameters' values (each float64[n])."""

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """First states [rows, n] from numbers uniform in [0, 1), float64[draws, n], and the parameters' values [n]."""

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Physics
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One step: the next state [rows, n], the reward [n], and which environments have terminated [n]."""

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """What the agent sees, float32[n, …]: a new array, which the caller may change."""

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether an episode that ends in this state, terminated or else at its time limit, reached the task's aim."""

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """Paint one environment's state, float64[rows]."""


def load_task(where: str | Task[Any]) -> Task[Any]:
    """A task from ``module:Class`` (as Gymnasium's own entry points are written), or the task itself."""
    if not isinstance(where, str):
        return where
    module, _, name = where.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"task is {where!r}, which cannot be loaded ({error}); accepted: module:Class") from error
    task: Task[Any] = kind()
    return task


def limits_of(task: Task[Any]) -> Mapping[str, tuple[float, float]]:
    """The lowest and highest accepted value of a task's parameters; one that it does not name may be any finite number.

    A task has its ``limits`` where its equations would divide by zero, or be no task, beyond them.
    """
    limits: Mapping[str, tuple[float, float]] = getattr(task, "limits", {})
    return limits


def between(low: float | FloatArray, high: float | FloatArray, unit: FloatArray) -> FloatArray:
    """Numbers uniform in [low, high) from numbers uniform in [0, 1), as ``Generator.uniform`` itself makes them."""
    return low + (high - low) * unit

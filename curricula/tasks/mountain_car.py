"""Mountain car: an engine too weak for the hill, so the car must swing; difficulty takes its power away.

The equations are those of Moore's thesis (1990) in the form Gymnasium's MountainCar-v0 uses:

    v ← clip(v + (action − 1)·0.001·power − gravity·cos 3x, ±0.07)        x ← clip(x + v, [−1.2, 0.6])

with the car stopped at the left wall, −1 reward a step, and the end at x ≥ goal.

The default axis is ``power``, the factor on the engine's force: 2.5 at difficulty 0, where the engine equals the hill's
steepest pull, and 1 at difficulty 1, Gymnasium's own task. The need to swing appears gradually between them: full
throttle alone climbs from every first state at power 2.5, from 77 % of them at 2, from 21 % at 1.75 and from none at
1.5; and random actions reach the goal at 2.5 (1 episode in 100), so there is something to learn from. Gravity is a
parameter too, but a poor axis on its own: agents were seen to stick where swinging first becomes necessary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import Axis, FloatArray
from curricula.tasks.drawing import Canvas
from curricula.tasks.task import between

LEFT, RIGHT = -1.2, 0.6
TOP_SPEED = 0.07


@dataclass(frozen=True)
class Engine:
    """Force of the engine, pull of the hill and place of the goal, each float64[n]."""

    force: FloatArray
    gravity: FloatArray
    goal: FloatArray


class MountainCar:
    """State rows: position x, velocity v. Success: the goal is reached before the time limit.

    ``force`` is what the engine adds to the velocity in a step at power 1.
    """

    force = 0.001
    parameters: Mapping[str, float] = {"power": 1.0, "gravity": 0.0025, "goal": 0.5}
    limits: Mapping[str, tuple[float, float]] = {"power": (0.0, math.inf), "goal": (LEFT, RIGHT)}
    action_space: gym.Space[Any]
    axes = (Axis("power", easy=2.5, target=1.0),)
    max_episode_steps = 200
    draws = 1
    render_fps = 30

    def __init__(self) -> None:
        """Make the spaces, equal to Gymnasium's."""
        corner = np.array([RIGHT, TOP_SPEED], dtype=np.float32)
        self.observation_space = gym.spaces.Box(
            np.array([LEFT, -TOP_SPEED], dtype=np.float32), corner, dtype=np.float32
        )
        self.action_space = gym.spaces.Discrete(3)

    def physics(self, values: Mapping[str, FloatArray]) -> Engine:
        """The engine's force in the equations' own units."""
        return Engine(force=values["power"] * self.force, gravity=values["gravity"], goal=values["goal"])

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """At rest near the valley's floor, x uniform in [−0.6, −0.4]."""
        position = between(-0.6, -0.4, unit[0])
        return np.array((position, np.zeros(position.shape)))

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Engine
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One step of the equations above; action 0 drives left, 1 coasts, 2 drives right."""
        position, velocity = state
        velocity = velocity + ((action - 1) * physics.force + np.cos(3 * position) * (-physics.gravity))
        velocity = np.minimum(np.maximum(velocity, -TOP_SPEED), TOP_SPEED)
        position = np.minimum(np.maximum(position + velocity, LEFT), RIGHT)
        velocity = np.where((position == LEFT) & (velocity < 0), 0.0, velocity)
        terminated = (position >= physics.goal) & (velocity >= 0)
        return np.array((position, velocity)), np.full(position.shape, -1.0), terminated

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """Position and velocity, float32[n, 2]."""
        return state[:2].T.astype(np.float32)

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The goal is the only way to terminate."""
        return terminated

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """The hill, the flag at the goal, and the car on the slope."""
        canvas.window(LEFT, RIGHT, 0.0, 1.2)
        xs = np.linspace(LEFT, RIGHT, 121)
        canvas.ground(xs, _height(xs))
        goal = values["goal"]
        canvas.flag(goal, float(_height(goal)))
        x = float(state[0])
        canvas.car(x, float(_height(x)), slope=float(1.35 * np.cos(3 * x)))


def _height(x: Any) -> Any:
    return np.sin(3 * x) * 0.45 + 0.55

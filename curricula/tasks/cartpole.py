"""Cart and pole: keep the pole up by pushing the cart; difficulty makes the pole fall faster.

Barto, Sutton and Anderson (1983), with Florian's corrected equations, in the form of Gymnasium's CartPole-v1: Euler
steps of 0.02 s, +1 a step, the end when |x| > 2.4 or |θ| > 12°, a time limit of 500.

The default axes are ``gravity``, from 3 to 9.8 m/s², and ``length`` (half the pole's, in metres), from 1.5 to 0.5: the
pole falls at the rate √(3g/4l), 1.2 /s at difficulty 0 against 3.8 /s at difficulty 1, Gymnasium's own task. Random
actions last 49 steps at difficulty 0, 37 at 0.5 and 23 at 1; always pushing to the side the pole leans 113, 79 and 42.
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

TRACK = 2.4
TILT = 12 * 2 * math.pi / 360
# Constants of the equations are arrays without axes: NumPy takes nearly twice as long to multiply by a plain number.
_TRACK, _TILT, _SECONDS, _FOUR_THIRDS = np.array(TRACK), np.array(TILT), np.array(0.02), np.array(4.0 / 3.0)


@dataclass(frozen=True)
class CartAndPole:
    """Parameters and what follows from them, each float64[n]."""

    gravity: FloatArray
    length: FloatArray
    right: FloatArray
    left: FloatArray
    mass_pole: FloatArray
    total_mass: FloatArray
    pole_mass_length: FloatArray


class CartPole:
    """State rows: cart position x, its velocity, pole angle θ, its velocity. Success: still up at the time limit."""

    parameters: Mapping[str, float] = {
        "gravity": 9.8,
        "length": 0.5,
        "force": 10.0,
        "mass_cart": 1.0,
        "mass_pole": 0.1,
        "start": 0.05,
    }
    limits: Mapping[str, tuple[float, float]] = {
        "length": (0.01, math.inf),
        "mass_cart": (0.01, math.inf),
        "mass_pole": (0.0, math.inf),
        "start": (0.0, math.inf),
    }
    axes = (Axis("gravity", easy=3.0, target=9.8), Axis("length", easy=1.5, target=0.5))
    max_episode_steps = 500
    draws = 4
    render_fps = 50

    def __init__(self) -> None:
        """Make the spaces, equal to Gymnasium's."""
        corner = np.array([TRACK * 2, np.inf, TILT * 2, np.inf], dtype=np.float32)
        self.observation_space = gym.spaces.Box(-corner, corner, dtype=np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def physics(self, values: Mapping[str, FloatArray]) -> CartAndPole:
        """Total mass and the pole's mass moment follow the parameters anew at every difficulty."""
        return CartAndPole(
            gravity=values["gravity"],
            length=values["length"],
            right=values["force"],
            left=-values["force"],
            mass_pole=values["mass_pole"],
            total_mass=values["mass_pole"] + values["mass_cart"],
            pole_mass_length=values["mass_pole"] * values["length"],
        )

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """All four quantities uniform in ±start."""
        start = values["start"]
        return between(-start, start, unit)

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: CartAndPole
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One Euler step; action 0 pushes left, 1 right."""
        x_dot, theta, theta_dot = state[1], state[2], state[3]
        force = np.where(action, physics.right, physics.left)
        cos, sin = np.cos(theta), np.sin(theta)
        push = (force + physics.pole_mass_length * np.square(theta_dot) * sin) / physics.total_mass
        theta_acc = (physics.gravity * sin - cos * push) / (
            physics.length * (_FOUR_THIRDS - physics.mass_pole * np.square(cos) / physics.total_mass)
        )
        x_acc = push - physics.pole_mass_length * theta_acc * cos / physics.total_mass
        after = np.empty(state.shape)
        after[0], after[1], after[2], after[3] = x_dot, x_acc, theta_dot, theta_acc
        after *= _SECONDS
        after += state
        terminated = (np.abs(after[0]) > _TRACK) | (np.abs(after[2]) > _TILT)
        reward = np.empty(terminated.shape)
        reward.fill(1.0)
        return after, reward, terminated

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """The state itself, float32[n, 4]."""
        return state.T.astype(np.float32)

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The pole is still up."""
        return ~terminated

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """The track, the cart and the pole at its length."""
        canvas.window(-TRACK, TRACK, -0.8, 2.4)
        x, theta = float(state[0]), float(state[2])
        reach = min(2 * values["length"], 2.2)
        canvas.line([(-TRACK, 0.0), (TRACK, 0.0)], "ink", width=2)
        canvas.box(x, 0.0, 0.5, 0.3, "blue")
        canvas.line([(x, 0.1), (x + reach * math.sin(theta), 0.1 + reach * math.cos(theta))], "orange", width=10)
        canvas.disc(x, 0.1, 0.05, "ink")

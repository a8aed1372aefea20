"""Pendulum: swing up and balance with a motor too weak to lift; difficulty starts it further down with less torque.

The equations are those of Gymnasium's Pendulum-v1, a rod of 1 kg and 1 m, steps of 0.05 s, θ = 0 upright:

    ω ← clip(ω + (3/2·gravity·sin θ + 3·u)·0.05, ±8)        θ ← θ + ω·0.05        reward −(θ² + 0.1·ω² + 0.001·u²)

The agent's action in [−2, 2] is scaled by torque/2, so that its space stays the same at every difficulty.

The default axes are ``start`` (half the range of the first angle, in radians), from 0.3 to π, and ``torque``, from 4 to
2 N·m. Difficulty 0 starts near the top and asks for balance only; the range then grows until the rod may hang straight
down, where 2 N·m cannot lift it (5 would) and it must swing. Difficulty 1 is Gymnasium's own task. A mere balancing
rule succeeds in every episode at difficulty 0, in 58 % at 0.5 and in 24 % at 1.
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

TOP_SPEED = 8.0
FULL = 2.0
SECONDS = 0.05
UPRIGHT = 0.2
HOLD = 50


@dataclass(frozen=True)
class Motor:
    """Pull of gravity (3/2·g) and what the motor makes of an action, each float64[n]."""

    pull: FloatArray
    gain: FloatArray


class Pendulum:
    """State rows: angle θ (not wrapped), velocity ω, steps since it was last away from the top.

    Success: within 0.2 rad of upright during the last 50 steps (2.5 s) before the time limit.
    """

    parameters: Mapping[str, float] = {"gravity": 10.0, "torque": FULL, "start": math.pi, "start_speed": 1.0}
    limits: Mapping[str, tuple[float, float]] = {
        "torque": (0.0, math.inf),
        "start": (0.0, math.inf),
        "start_speed": (0.0, math.inf),
    }
    axes = (Axis("start", easy=0.3, target=math.pi), Axis("torque", easy=4.0, target=FULL))
    max_episode_steps = 200
    draws = 2
    render_fps = 30

    def __init__(self) -> None:
        """Make the spaces, equal to Gymnasium's."""
        corner = np.array([1.0, 1.0, TOP_SPEED], dtype=np.float32)
        self.observation_space = gym.spaces.Box(-corner, corner, dtype=np.float32)
        self.action_space = gym.spaces.Box(-FULL, FULL, shape=(1,), dtype=np.float32)

    def physics(self, values: Mapping[str, FloatArray]) -> Motor:
        """The two factors of the acceleration."""
        return Motor(pull=3 * values["gravity"] / 2, gain=values["torque"] / FULL)

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """Angle uniform in ±start, velocity uniform in ±start_speed."""
        angle = between(-values["start"], values["start"], unit[0])
        speed = between(-values["start_speed"], values["start_speed"], unit[1])
        return np.array((angle, speed, np.zeros(angle.shape)))

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Motor
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One step; the action is float[n, 1]."""
        theta, omega, held = state
        # The torque stays a float32, as an action is: Gymnasium's own 3·u is rounded there, and an inverted pendulum
        # blows so small a difference up to a visible one within an episode.
        wish = np.minimum(np.maximum(action[:, 0], -FULL), FULL)
        torque = (wish * physics.gain).astype(np.float32)
        angle = _wrapped(theta)
        cost = angle * angle + 0.1 * (omega * omega) + np.float32(0.001) * (torque * torque)
        omega = omega + (physics.pull * np.sin(theta) + np.float32(3.0) * torque) * SECONDS
        omega = np.minimum(np.maximum(omega, -TOP_SPEED), TOP_SPEED)
        theta = theta + omega * SECONDS
        held = np.where(np.abs(_wrapped(theta)) <= UPRIGHT, held + 1.0, 0.0)
        return np.array((theta, omega, held)), -cost, np.zeros(theta.shape, dtype=np.bool_)

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """cos θ, sin θ and ω, float32[n, 3]."""
        return np.array((np.cos(state[0]), np.sin(state[0]), state[1]), dtype=np.float32).T

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Held upright for the last 50 steps."""
        held: NDArray[np.bool_] = state[2] >= HOLD
        return held

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """The rod about its hinge."""
        canvas.window(-1.8, 1.8, -1.2, 1.2)
        theta = float(state[0])
        tip = (-math.sin(theta), math.cos(theta))
        canvas.line([(0.0, 0.0), tip], "orange", width=18)
        canvas.disc(*tip, 0.07, "orange")
        canvas.disc(0.0, 0.0, 0.05, "ink")


def _wrapped(theta: FloatArray) -> FloatArray:
    """The angle in [−π, π)."""
    return ((theta + np.pi) % (2 * np.pi)) - np.pi

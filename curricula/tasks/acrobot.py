"""Acrobot: two links, a motor at the elbow; swing the tip over a line. Difficulty weakens the motor, raises the line.

Sutton (1996), in the form of Gymnasium's Acrobot-v1 ("book" dynamics): links of 1 m and 1 kg with their centres of
mass halfway and moments of inertia of 1 kg·m²; each step is one Runge-Kutta step of the fourth order, 0.2 s long, under
a constant torque u. θ₁ is the first link's angle from hanging straight down, θ₂ the second's from the first:

    d₁ = 3.5 + cos θ₂        d₂ = 1.25 + 0.5·cos θ₂        φ₂ = g/2·sin(θ₁ + θ₂)
    φ₁ = −ω₂·(ω₂/2 + ω₁)·sin θ₂ + 3/2·g·sin θ₁ + φ₂
    ω̇₂ = (u + d₂/d₁·φ₁ − ω₁²/2·sin θ₂ − φ₂) / (1.25 − d₂²/d₁)        ω̇₁ = −(d₂·ω̇₂ + φ₁)/d₁

Then the angles are wrapped into [−π, π], the velocities clipped to ±4π and ±9π rad/s. The reward is −1 a step, and 0
in the step that ends the episode because the tip stands more than ``goal_height`` metres above the hinge; time limit
500.

The default axes are ``torque``, what an action of ±1 is worth in N·m, from 3 to 1, and ``goal_height``, from 0 m
(level with the hinge) to 1. Difficulty 1 is Gymnasium's own task. Random actions reach the line in every episode at
difficulty 0, in 80 % at 0.5 and in 1 % at 1; turning always with the second link's own motion reaches it after 18, 44
and 86 steps. A weak acrobot is ``axes: {torque: {easy: 3.0, target: 0.5}}``: the same rule then needs 174 steps and
fails in 2 %.
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

SECONDS = 0.2
TOP_SPEED_1, TOP_SPEED_2 = 4 * math.pi, 9 * math.pi
TURN = 2 * math.pi


@dataclass(frozen=True)
class Arm:
    """Torque of the action 1, pull of gravity (g/2) and height of the line, each float64[n]."""

    torque: FloatArray
    pull: FloatArray
    goal_height: FloatArray


class Acrobot:
    """State rows: angles θ₁ and θ₂ in rad, velocities ω₁ and ω₂ in rad/s. Success: the tip got above the line."""

    parameters: Mapping[str, float] = {"torque": 1.0, "goal_height": 1.0, "gravity": 9.8, "start": 0.1}
    limits: Mapping[str, tuple[float, float]] = {
        "torque": (0.0, 100.0),
        "goal_height": (-2.0, 2.0),
        "start": (0.0, math.pi),
    }
    axes = (Axis("torque", easy=3.0, target=1.0), Axis("goal_height", easy=0.0, target=1.0))
    max_episode_steps = 500
    draws = 4
    render_fps = 15

    def __init__(self) -> None:
        """Make the spaces, equal to Gymnasium's."""
        corner = np.array([1.0, 1.0, 1.0, 1.0, TOP_SPEED_1, TOP_SPEED_2], dtype=np.float32)
        self.observation_space = gym.spaces.Box(-corner, corner, dtype=np.float32)
        self.action_space = gym.spaces.Discrete(3)

    def physics(self, values: Mapping[str, FloatArray]) -> Arm:
        """Gravity enters with half of itself: the centres of mass lie at half a metre."""
        return Arm(torque=values["torque"], pull=0.5 * values["gravity"], goal_height=values["goal_height"])

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """All four quantities uniform in ±start, rounded to float32 as Gymnasium does."""
        start = values["start"]
        return between(-start, start, unit).astype(np.float32).astype(np.float64)

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Arm
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One Runge-Kutta step; action 0 turns the second link by −torque, 1 lets it swing, 2 turns it by torque."""
        torque = (action - 1) * physics.torque
        first = _rates(state, torque, physics)
        second = _rates(state + SECONDS / 2 * first, torque, physics)
        third = _rates(state + SECONDS / 2 * second, torque, physics)
        fourth = _rates(state + SECONDS * third, torque, physics)
        after = state + SECONDS / 6 * (first + 2 * second + 2 * third + fourth)
        after[:2] -= np.copysign(TURN * np.ceil((np.abs(after[:2]) - math.pi) / TURN), after[:2])
        after[2] = np.minimum(np.maximum(after[2], -TOP_SPEED_1), TOP_SPEED_1)
        after[3] = np.minimum(np.maximum(after[3], -TOP_SPEED_2), TOP_SPEED_2)
        terminated = -np.cos(after[0]) - np.cos(after[1] + after[0]) > physics.goal_height
        return after, np.where(terminated, 0.0, -1.0), terminated

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """cos θ₁, sin θ₁, cos θ₂, sin θ₂, ω₁ and ω₂, float32[n, 6]."""
        (cos_1, cos_2), (sin_1, sin_2) = np.cos(state[:2]), np.sin(state[:2])
        return np.array((cos_1, sin_1, cos_2, sin_2, state[2], state[3]), dtype=np.float32).T

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The line is the only way to terminate."""
        return terminated

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """The line to reach, and the two links below or above their hinge."""
        canvas.window(-2.3, 2.3, -2.3, 2.3)
        line = values["goal_height"]
        canvas.line([(-2.3, line), (2.3, line)], "green", width=3)
        elbow = (math.sin(state[0]), -math.cos(state[0]))
        tip = (elbow[0] + math.sin(state[0] + state[1]), elbow[1] - math.cos(state[0] + state[1]))
        canvas.line([(0.0, 0.0), elbow], "blue", width=14)
        canvas.line([elbow, tip], "orange", width=14)
        for place in ((0.0, 0.0), elbow):
            canvas.disc(*place, 0.08, "ink")
        canvas.disc(*tip, 0.1, "orange")


def _rates(state: FloatArray, torque: FloatArray, physics: Arm) -> FloatArray:
    """The time derivatives of the four quantities, [4, n], each term rounded as in Gymnasium: chaos would show it."""
    theta_1, theta_2, omega_1, omega_2 = state
    cos, sin = np.cos(theta_2), np.sin(theta_2)
    d1 = 0.25 + (1.25 + cos) + 1.0 + 1.0
    d2 = 0.25 + 0.5 * cos + 1.0
    phi2 = physics.pull * np.cos(theta_1 + theta_2 - math.pi / 2)
    phi1 = -0.5 * _squared(omega_2) * sin - omega_2 * omega_1 * sin
    phi1 = phi1 + 3 * physics.pull * np.cos(theta_1 - math.pi / 2) + phi2
    elbow = torque + d2 / d1 * phi1 - 0.5 * _squared(omega_1) * sin - phi2
    alpha_2 = elbow / (1.25 - _squared(d2) / d1)
    return np.array((omega_1, omega_2, -(d2 * alpha_2 + phi1) / d1, alpha_2))


def _squared(x: FloatArray) -> FloatArray:
    """x² as the C library's pow rounds it, which Gymnasium's ``x**2`` calls: not always the rounding of x·x."""
    squared: FloatArray = np.float_power(x, 2)
    return squared

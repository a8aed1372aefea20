"""Continuous mountain car: throttle is a number that costs its square; difficulty takes the engine's power away.

The hill of `curricula.tasks.mountain_car`, with an action u in [−1, 1], in the form of Gymnasium's
MountainCarContinuous-v0:

    v ← clip(v + clip(u, ±1)·0.0015·power − gravity·cos 3x, ±0.07)        x ← clip(x + v, [−1.2, 0.6])

with reward −u²/10 a step, of the action as given, and 100 more at the goal, x ≥ 0.45; time limit 999. What makes it
hard is that standing still costs nothing: an agent that does not come upon the goal learns to leave the engine alone.

The default axis is ``power``, from 2.5 to 1, as for the discrete car. Difficulty 1 is Gymnasium's own task. Full
throttle alone climbs from every first state at power 1.5, from 69 % of them at 1.3 and from none at 1; actions uniform
in [−1, 1] come upon the goal in 49 % of episodes at difficulty 0, in 17 % at 0.5 and in none at 1.

Gymnasium keeps a first state in double precision and all later ones in single. Both are followed to the last bit: rows
are float64, and what Gymnasium rounds is rounded. (A sum or product of two singles that is computed in double and then
rounded is the single-precision one.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import Axis, FloatArray
from curricula.tasks.mountain_car import LEFT, RIGHT, TOP_SPEED, Engine, MountainCar

Singles = NDArray[np.float32]
_LEFT, _RIGHT, _TOP_SPEED = np.float32(LEFT), np.float32(RIGHT), np.float32(TOP_SPEED)


class MountainCarContinuous(MountainCar):
    """State rows: position x, velocity v, and 1 in a first state, else 0. Success: the goal is reached in time."""

    force = 0.0015
    parameters: Mapping[str, float] = {"power": 1.0, "gravity": 0.0025, "goal": 0.45}
    axes = (Axis("power", easy=2.5, target=1.0),)
    max_episode_steps = 999

    def __init__(self) -> None:
        """Make the spaces, equal to Gymnasium's."""
        super().__init__()
        self.action_space = gym.spaces.Box(-1.0, 1.0, shape=(1,), dtype=np.float32)

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """At rest near the valley's floor, x uniform in [−0.6, −0.4]."""
        car = super().first(unit, values)
        return np.array((*car, np.ones(car.shape[1])))

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Engine
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One step of the equations above; the action is float32[n, 1]."""
        position, velocity, first = state
        throttle = action[:, 0].astype(np.float32)
        fresh = first > 0
        velocity = _kept(velocity + _push(position, throttle, fresh, physics), fresh)
        velocity = np.minimum(np.maximum(velocity, -_TOP_SPEED), _TOP_SPEED)
        position = np.minimum(np.maximum(_kept(position + velocity, fresh), _LEFT), _RIGHT)
        velocity = np.where((position == _LEFT) & (velocity < 0), 0.0, velocity)
        terminated = (position >= _single(physics.goal)) & (velocity >= 0)
        reward = np.where(terminated, 100.0, 0.0) - np.square(throttle.astype(np.float64)) * 0.1
        return np.array((_single(position), _single(velocity), np.zeros(first.shape))), reward, terminated


def _push(position: FloatArray, throttle: Singles, fresh: NDArray[np.bool_], physics: Engine) -> FloatArray:
    """What engine and hill together add to the velocity, float64[n].

    In Gymnasium an action within its bounds stays a single, and so does all that it meets; one that is clipped becomes
    a Python float, whose sum with the hill's pull is rounded only as it is added to the velocity.
    """
    pull = physics.gravity * np.cos(_kept(3 * position, fresh))
    within = _single(throttle * _single(physics.force)) - _single(pull)
    clipped = _kept(np.copysign(physics.force, throttle) - pull, fresh)
    return np.where(np.abs(throttle) <= 1, within, clipped)


def _single(x: NDArray[np.floating[Any]]) -> Singles:
    return x.astype(np.float32)


def _kept(x: FloatArray, fresh: NDArray[np.bool_]) -> FloatArray:
    """In double precision where the episode is fresh, rounded to single elsewhere; float64[n]."""
    return np.where(fresh, x, _single(x))

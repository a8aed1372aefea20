"""Point mass and gate: slide through a gap in a wall to the goal behind; difficulty narrows the gap and moves it away.

The benchmark of Klink et al., "Self-Paced Deep Reinforcement Learning" (NeurIPS 2020), by the constants and equations
of their public code (github.com/psclklnk/spdl, deep_sprl/environments/contextual_point_mass.py at dfd9429). A point
slides over a floor with friction c, pushed by a force a clipped to [−10, 10]², and stays within [−4, 4]²:

    v ← v + (1.5·a − c·v)·0.01        p ← clip(p + v·0.01, ±4)        ten times a step, p with the v before

It begins at rest at (0, 3). A wall lies along y = 0, with a gate ``gate_width`` wide about x = ``gate_position``: to
cross the wall anywhere else is a crash, which stops the point there and ends the episode. The reward of every step is
exp(−0.6·distance to (0, −3)); time limit 100 steps (10 s). Success: within 0.25 of the goal when the episode ends.

The default axes are the first and the target context of their experiment (deep_sprl/experiments/
point_mass_experiment.py): ``gate_position`` from 0 to 2.5, ``gate_width`` from 4.25 to 0.5, ``friction`` from 2 to 0
per second. As there, the agent sees the context. Heading straight for the goal succeeds at difficulty 0 and crashes
from 0.49 on. Their variant without friction is ``axes: {gate_position: {easy: 0.0}, gate_width: {easy: 4.25}}``.

Two things differ. Their code adds noise of standard deviation 0.05 to every acceleration, which displaces an unsteered,
frictionless point by 0.09 in a whole episode; here a step is a function of state and action alone. And they draw
contexts from normal distributions with those means, where here a teacher chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import Axis, FloatArray
from curricula.tasks.drawing import Canvas

ROOM = 4.0
FULL = 10.0
STRENGTH = 1.5
SECONDS = 0.01
SUBSTEPS = 10
START, GOAL = (0.0, 3.0), (0.0, -3.0)
NEAR = 0.25


@dataclass(frozen=True)
class Gate:
    """Middle and half the width of the gate, and friction of the floor, each float64[n]."""

    position: FloatArray
    half: FloatArray
    friction: FloatArray


class PointMassGate:
    """State rows: x, its velocity, y, its velocity, and the context: gate position, gate width, friction."""

    parameters: Mapping[str, float] = {"gate_position": 2.5, "gate_width": 0.5, "friction": 0.0}
    limits: Mapping[str, tuple[float, float]] = {
        "gate_position": (-ROOM, ROOM),
        "gate_width": (0.01, 2 * ROOM),
        "friction": (0.0, 100.0),
    }
    axes = (
        Axis("gate_position", easy=0.0, target=2.5),
        Axis("gate_width", easy=4.25, target=0.5),
        Axis("friction", easy=2.0, target=0.0),
    )
    max_episode_steps = 100
    draws = 0
    render_fps = 10

    def __init__(self) -> None:
        """Make the spaces: positions and context bounded, velocities not; actions as in the source."""
        context = np.array(list(self.limits.values()))
        low = np.array([-ROOM, -np.inf, -ROOM, -np.inf, *context[:, 0]], dtype=np.float32)
        high = np.array([ROOM, np.inf, ROOM, np.inf, *context[:, 1]], dtype=np.float32)
        self.observation_space = gym.spaces.Box(low, high, dtype=np.float32)
        self.action_space = gym.spaces.Box(-FULL, FULL, shape=(2,), dtype=np.float32)

    def physics(self, values: Mapping[str, FloatArray]) -> Gate:
        """The gate by its middle and half its width."""
        return Gate(values["gate_position"], 0.5 * values["gate_width"], values["friction"])

    def first(self, unit: FloatArray, values: Mapping[str, FloatArray]) -> FloatArray:
        """At rest, always at the same place, before the gate of the episode."""
        context = [values[name] for name in self.parameters]
        rest = np.zeros(context[0].shape)
        return np.array((rest + START[0], rest, rest + START[1], rest, *context))

    def advance(
        self, state: FloatArray, action: NDArray[Any], physics: Gate
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """One step of 0.1 s; the action is float[n, 2], the force along x and y."""
        force = np.ascontiguousarray(action.T, dtype=np.float64)
        push = STRENGTH * np.minimum(np.maximum(force, -FULL), FULL)
        place, speed = state[0:4:2], state[1:4:2]
        crashed = np.zeros(state.shape[1], dtype=np.bool_)
        for _ in range(SUBSTEPS):
            on, faster, hit = _slid(place, speed, push, physics)
            if np.count_nonzero(crashed):
                on, faster = np.where(crashed, place, on), np.where(crashed, speed, faster)
            place, speed, crashed = on, faster, crashed | hit
        after = np.array((place[0], speed[0], place[1], speed[1], *state[4:]))
        return after, np.exp(-0.6 * _distance(after)), crashed

    def observe(self, state: FloatArray) -> NDArray[np.float32]:
        """The state itself with its context, float32[n, 7]."""
        return state.T.astype(np.float32)

    def success(self, state: FloatArray, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Near the goal; a crash never is."""
        near: NDArray[np.bool_] = _distance(state) < NEAR
        return near

    def draw(self, canvas: Canvas, state: FloatArray, values: Mapping[str, float]) -> None:
        """The room from above, the wall with its gate, the goal and the point."""
        canvas.window(-ROOM - 0.4, ROOM + 0.4, -ROOM - 0.4, ROOM + 0.4)
        corners = [(-ROOM, -ROOM), (ROOM, -ROOM), (ROOM, ROOM), (-ROOM, ROOM), (-ROOM, -ROOM)]
        canvas.line(corners, "ink", width=2)
        left = max(values["gate_position"] - values["gate_width"] / 2, -ROOM)
        right = min(values["gate_position"] + values["gate_width"] / 2, ROOM)
        canvas.line([(-ROOM, 0.0), (left, 0.0)], "ink", width=8)
        canvas.line([(right, 0.0), (ROOM, 0.0)], "ink", width=8)
        canvas.disc(*GOAL, NEAR, "green")
        canvas.disc(float(state[0]), float(state[2]), 0.15, "orange")


def _slid(
    place: FloatArray, speed: FloatArray, push: FloatArray, physics: Gate
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Place and speed [2, n] after 0.01 s, and which points hit the wall on the way: those lie there, at rest."""
    on = np.minimum(np.maximum(place + SECONDS * speed, -ROOM), ROOM)
    faster = speed + SECONDS * (push - physics.friction * speed)
    before, behind = place[1], on[1]
    crossed = ((before >= 0) & (behind < 0)) | ((before <= 0) & (behind > 0))
    if not np.count_nonzero(crossed):
        return on, faster, crossed
    share = before / np.where(crossed, before - behind, 1.0)
    x = share * on[0] + (1 - share) * place[0]
    hit = crossed & (np.abs(x - physics.position) > physics.half)
    return np.where(hit, (x, np.zeros(x.shape)), on), np.where(hit, 0.0, faster), hit


def _distance(state: FloatArray) -> FloatArray:
    """To the goal, float64[n]."""
    distance: FloatArray = np.hypot(state[0] - GOAL[0], state[2] - GOAL[1])
    return distance

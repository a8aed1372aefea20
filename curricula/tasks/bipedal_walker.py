"""Bipedal walker: reach the end of a course on two legs; difficulty roughens the ground and raises the obstacles.

Gymnasium's BipedalWalkerHardcore-v3, at difficulty 1 step for step; actions, rewards and observations are its own. Its
``reset`` draws a course of 200 cells: 20 of even ground, then obstacles with 5 to 9 cells of rough ground between them.
Here the same random numbers give the same course at every difficulty, and four parameters scale what stands on it, 1
being Gymnasium's own:

- ``roughness``: how much the ground between obstacles moves up and down;
- ``stumps``: how high they are (1 and 2 cells at 1; a cell is 0.47 m);
- ``pits``: how deep they are (4 cells at 1);
- ``stairs``: how high each of their steps is (1 cell at 1).

By default all are 0 at difficulty 0, a flat course, and 1 at difficulty 1. With ``stumps=0, pits=0, stairs=0`` and one
axis, roughness, difficulty 1 is like Gymnasium's easy BipedalWalker-v3.

Gymnasium's own rule of thumb gets 60 m of 89 far at difficulty 0, 26 at 0.2, 19 at 0.5 and 15 at 1 (20 seeds each).
Success: the end of the course is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from curricula.adapted import AdaptedEnv
from curricula.difficulty import Axis, Difficulty, parse_axes
from curricula.success import Episode
from curricula.tasks.extras import standard, within

AXES = tuple(Axis(name, easy=0.0, target=1.0) for name in ("roughness", "stumps", "pits", "stairs"))
RANGES = {axis.name: (0.0, 3.0) for axis in AXES}

SCALE = 30.0
CELL = 14 / SCALE
LENGTH = 200
START = 20
GROUND = 400 / SCALE / 4
PIT_DEPTH = 4 * CELL
THINNEST = 0.02
"""Metres; Box2D takes no polygon that is flatter than its own slop, and a leg does not feel one."""

Block = list[tuple[float, float]]
"""Four corners (x, y) in metres."""


def make(
    of: str = "BipedalWalkerHardcore-v3",
    difficulty: Difficulty = 1.0,
    axes: Mapping[str, Any] | None = None,
    roughness: float = 1.0,
    stumps: float = 1.0,
    pits: float = 1.0,
    stairs: float = 1.0,
    **options: Any,
) -> AdaptedEnv:
    """The walker at a difficulty.

    Args:
        of: the id that it is at difficulty 1.
        difficulty: of the first episode.
        axes: what difficulty moves, ``{parameter: {easy, target, scale?}}``, values from 0 to 3.
        roughness: where no axis moves it; so the others.
        stumps: their height.
        pits: their depth.
        stairs: the height of their steps.
        options: as Gymnasium's takes them: ``render_mode``.

    Raises:
        UserError: the extra ``box2d`` is not installed, or a value is not accepted.
    """
    fixed = {"roughness": roughness, "stumps": stumps, "pits": pits, "stairs": stairs}
    chosen = within(parse_axes(axes, AXES, fixed), RANGES)

    def apply(env: Any, values: Mapping[str, float]) -> None:
        course = {**fixed, **values}
        env._generate_terrain = lambda hardcore: _build(env, course)  # what its reset calls, with its own generator

    env = standard(of, "box2d", "Box2D", **options)
    return AdaptedEnv(env, chosen, apply=apply, success=_arrived, difficulty=difficulty)


def heights(rng: np.random.Generator, scales: Mapping[str, float], blocks: list[Block]) -> Iterator[float]:
    """The ground's height in metres, cell by cell, without end; obstacles are added to ``blocks`` where they begin.

    Every number that Gymnasium draws is drawn here, in its order, also where a scale of 0 makes nothing of it: it draws
    what follows a stretch with the stretch's last cell, and once more than it needs before an obstacle.
    """
    y, velocity, passed = GROUND, 0.0, 0
    length, kind, first = START, 0, True
    while True:
        for cell in range(length):
            if first or cell > 0:  # the cell after an obstacle is level with it
                velocity = 0.8 * velocity + 0.01 * np.sign(GROUND - y)
                if not first:
                    velocity += rng.uniform(-1, 1) / SCALE * scales["roughness"]
                y += velocity
            if cell == length - 1:
                rng.integers(5, 10)
                kind = int(rng.integers(1, 4))
            yield float(y)
        first = False
        passed += length
        obstacle = (_stump, _stairs, _pit)[kind - 1](rng, passed * CELL, y, scales, blocks)
        for cell, y in enumerate(obstacle):  # the ground goes on from the last one's y
            if cell == len(obstacle) - 1:
                length = int(rng.integers(5, 10))
            yield float(y)
        passed += len(obstacle)


def _stump(
    rng: np.random.Generator, x: float, y: float, scales: Mapping[str, float], blocks: list[Block]
) -> list[float]:
    cells = int(rng.integers(1, 3))
    _add(blocks, x, x + cells * CELL, y, y + cells * CELL * scales["stumps"])
    return [y] * cells


def _pit(rng: np.random.Generator, x: float, y: float, scales: Mapping[str, float], blocks: list[Block]) -> list[float]:
    cells = int(rng.integers(3, 5))
    depth = PIT_DEPTH * scales["pits"]
    for across in (0.0, CELL * cells):
        _add(blocks, x + across, x + CELL + across, y, y - depth)
    return [y, *[y - depth] * cells, y]


def _stairs(
    rng: np.random.Generator, x: float, y: float, scales: Mapping[str, float], blocks: list[Block]
) -> list[float]:
    up = 1 if rng.random() > 0.5 else -1
    width = int(rng.integers(4, 5))
    steps = int(rng.integers(3, 5))
    rise = CELL * scales["stairs"]
    for step in range(steps):
        left, right = x + step * width * CELL, x + (step + 1) * width * CELL
        _add(blocks, left, right, y + step * up * rise, y + (step * up - 1) * rise)
    return [y, *(y + (cell - up) / width * up * rise for cell in range(1, steps * width))]


def _add(blocks: list[Block], left: float, right: float, top: float, bottom: float) -> None:
    if abs(top - bottom) >= THINNEST:
        blocks.append([(left, top), (right, top), (right, bottom), (left, bottom)])


def _build(env: Any, scales: Mapping[str, float]) -> None:
    """Put a course into the walker's world: blocks first, then the ground's edges, as Gymnasium does."""
    blocks: list[Block] = []
    ys = list(islice(heights(env.np_random, scales, blocks), LENGTH))
    xs = [cell * CELL for cell in range(LENGTH)]
    env.terrain, env.terrain_x, env.terrain_y, env.terrain_poly = [], xs, ys, []
    for block in blocks:
        env.fd_polygon.shape.vertices = block
        _body(env, env.fd_polygon, (255, 255, 255), (153, 153, 153))
    for cell, edge in enumerate(zip(zip(xs, ys, strict=True), zip(xs[1:], ys[1:], strict=True), strict=False)):
        env.fd_edge.shape.vertices = list(edge)
        green = (76, 255 if cell % 2 == 0 else 204, 76)
        _body(env, env.fd_edge, green, green)
        env.terrain_poly.append(([*edge, (edge[1][0], 0), (edge[0][0], 0)], (102, 153, 76)))
    env.terrain.reverse()


def _body(env: Any, shape: Any, inside: tuple[int, int, int], outline: tuple[int, int, int]) -> None:
    body = env.world.CreateStaticBody(fixtures=shape)
    body.color1, body.color2 = inside, outline
    env.terrain.append(body)


def _arrived(episode: Episode) -> bool:
    return episode.terminated and episode.reward != -100.0

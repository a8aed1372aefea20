"""Grid worlds of Minigrid: reach the goal, behind a door with a key or in four rooms; difficulty enlarges the grid.

Minigrid's own rules, at difficulty 1 step for step. The one axis is ``size``, the side of the grid with its walls: from
5 to 8 for Empty and DoorKey, from 7 to 19 for FourRooms. Other targets: ``axes: {size: {easy: 5, target: 16}}``. The
time limit follows the size as in Minigrid's ids: 4·size² (Empty), 10·size² (DoorKey), 100 (FourRooms).

SB3 takes neither missions of text nor pictures of 7 × 7: an observation here is float32[984] of zeros and ones, for
each of the 7 × 7 squares that the agent sees what is there (11 kinds), its colour (6) and its state (3), then where the
agent faces (4). ``observations="own"`` leaves them as they are.

Success: the goal is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from curricula.adapted import AdaptedEnv
from curricula.difficulty import Axis, Difficulty, parse_axes
from curricula.success import Episode
from curricula.tasks.extras import standard, within
from lab.errors import UserError

KINDS = (11, 6, 3)
"""How many objects, colours and states there are, in the order of Minigrid's channels."""
FACES = 4
LARGEST = 64


def make(
    of: str = "MiniGrid-DoorKey-8x8-v0",
    difficulty: Difficulty = 1.0,
    axes: Mapping[str, Any] | None = None,
    observations: str = "flat",
    **options: Any,
) -> gym.Env[Any, Any]:
    """A grid world at a difficulty.

    Args:
        of: the id that it is at difficulty 1, one of Empty, DoorKey and FourRooms.
        difficulty: of the first episode.
        axes: ``{size: {easy, target, scale?}}``, whole numbers.
        observations: ``flat``, as above, or ``own``, Minigrid's dictionary.
        options: as Minigrid's takes them, e.g. ``render_mode``.

    Raises:
        UserError: the extra ``minigrid`` is not installed, or a value is not accepted.
    """
    if observations not in ("flat", "own"):
        raise UserError(f"observations is {observations!r}; accepted: flat, own")
    env = standard(of, "minigrid", "minigrid", **options)
    smallest, limit = _rules(of)
    chosen = within(
        parse_axes(axes, (Axis("size", smallest, env.width),), {"size": env.width}), {"size": (smallest, LARGEST)}
    )

    def apply(env: Any, values: Mapping[str, float]) -> None:
        env.width = env.height = round(values["size"])
        env.max_steps = limit(env.width)

    adapted = AdaptedEnv(env, chosen, apply=apply, success=_at_goal, difficulty=difficulty)
    return Flat(adapted) if observations == "flat" else adapted


class Flat(gym.ObservationWrapper[NDArray[np.float32], Any, Any]):
    """Minigrid's dictionary as zeros and ones, float32[squares · 20 + 4]."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        """Make the space."""
        super().__init__(env)
        height, width, _ = env.observation_space["image"].shape  # type: ignore[index]
        size = height * width * sum(KINDS) + FACES
        self.observation_space = gym.spaces.Box(0.0, 1.0, (size,), np.float32)
        self._offsets = np.cumsum((0, *KINDS[:-1]))

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """A one for what is there, square by square and channel by channel, then one for the face."""
        image = observation["image"].reshape(-1, len(KINDS)).astype(np.int64)
        squares = np.zeros((len(image), sum(KINDS)), dtype=np.float32)
        np.put_along_axis(squares, image + self._offsets, 1.0, axis=1)
        face = np.zeros(FACES, dtype=np.float32)
        face[observation["direction"]] = 1.0
        return np.concatenate((squares.ravel(), face))


def _rules(of: str) -> tuple[int, Callable[[int], int]]:
    """The smallest grid, and the time limit by size, as Minigrid's own ids have it."""
    for name, smallest, limit in (
        ("Empty", 5, lambda size: 4 * size**2),
        ("DoorKey", 5, lambda size: 10 * size**2),
        ("FourRooms", 7, lambda size: 100),
    ):
        if of.startswith(f"MiniGrid-{name}-"):
            return smallest, limit
    raise UserError(f"of is {of!r}; accepted: an id of MiniGrid-Empty, MiniGrid-DoorKey or MiniGrid-FourRooms")


def _at_goal(episode: Episode) -> bool:
    return episode.terminated and episode.reward > 0.0

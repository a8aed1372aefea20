"""Which observations and actions an agent can take, told in words before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

_KINDS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_SIMPLE = ", ".join(_KINDS)
SMALLEST_IMAGE = 36
"""Pixels a side that SB3's network for images needs."""


def refusal(
    observations: spaces.Space[Any], actions: spaces.Space[Any], agent: str = "ppo", acts: Sequence[str] = _KINDS
) -> str | None:
    """Why an agent of SB3's cannot learn an environment of these spaces, in one line; None where it can.

    Args:
        observations, actions: of the environment.
        agent: its name, for the words.
        acts: names of the kinds of spaces that it can act in.
    """
    if isinstance(observations, spaces.Dict):
        for name, part in observations.items():
            if (reason := _observation(part) or _small_image(part)) is not None:
                return f"its observations' {name!r} are {reason}; accepted in a Dict: {_SIMPLE}"
    elif (reason := _observation(observations)) is not None:
        return f"its observations are {reason}; accepted: {_SIMPLE}, or a Dict of these"
    accepted = ", ".join(acts)
    if (reason := _action(actions)) is not None:
        return f"its actions are {reason}; accepted: {accepted}"
    if (kind := type(actions).__name__) not in acts:
        return f"its actions are {kind}, in which {agent} cannot act; accepted: {accepted}"
    return None


def _observation(space: spaces.Space[Any]) -> str | None:
    if isinstance(space, spaces.Box):
        return "a Box without axes" if space.shape == () else None
    return _counted(space)


def _action(space: spaces.Space[Any]) -> str | None:
    if isinstance(space, spaces.Box):
        if not np.issubdtype(space.dtype, np.floating):
            return f"a Box of {space.dtype}, not of floats"
        return None if space.is_bounded("both") else "a Box without finite bounds"
    return _counted(space)


def _counted(space: spaces.Space[Any]) -> str | None:
    """What is wrong with a space that is no Box: of another kind, not counted from 0, or of several axes."""
    if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        return type(space).__name__
    if not isinstance(space, spaces.MultiBinary) and np.any(space.start):
        return f"{type(space).__name__} not counted from 0"
    return None if len(space.shape or ()) <= 1 else f"{type(space).__name__} of several axes"


def _small_image(space: spaces.Space[Any]) -> str | None:
    if isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3:
        height, width = sorted(space.shape)[1:]  # the channels are the fewest
        if min(height, width) < SMALLEST_IMAGE:
            return f"images of {height} × {width} pixels, smaller than {SMALLEST_IMAGE}"
    return None

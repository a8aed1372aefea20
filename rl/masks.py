"""Which actions an environment allows now, by sb3-contrib's convention: its method ``action_masks`` says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from lab.errors import UserError

METHOD = "action_masks"
"""Of the environment: for each choice of each component of an action, one after another, whether it is allowed."""


def allowed(masks: Sequence[Any], space: spaces.Space[Any]) -> NDArray[np.bool_]:
    """The masks of several environments as one array, bool[n, choices].

    Raises:
        UserError: one has another number of choices than the actions, or leaves a component none, so that any would
            be taken.
    """
    choices = _choices(space)
    try:
        found = np.stack([np.asarray(mask, dtype=np.bool_).reshape(sum(choices)) for mask in masks])
    except (TypeError, ValueError) as error:
        raise UserError(f"{METHOD}: {error}; accepted: {sum(choices)} times true or false, for {space}") from error
    if not np.logical_or.reduceat(found, np.cumsum([0, *choices[:-1]]), axis=1).all():
        raise UserError(f"{METHOD}: no action is allowed; at least one is expected, of every component, for {space}")
    return found


def _choices(space: spaces.Space[Any]) -> list[int]:
    """How many there are of each component of an action."""
    if isinstance(space, spaces.MultiDiscrete):
        return [int(count) for count in space.nvec]
    return [2] * int(np.prod(space.shape)) if isinstance(space, spaces.MultiBinary) else [int(space.n)]  # type: ignore[attr-defined]

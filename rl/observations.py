"""Observations of any kind: an array, or a dictionary of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def each(function: Callable[[Any], Any], observations: Any) -> Any:
    """A function of the array, or of every array of a dictionary; of nothing, nothing."""
    if observations is None:
        return None
    if isinstance(observations, dict):
        return {name: each(function, part) for name, part in observations.items()}
    return function(observations)

"""The setting ``offsets``: how far each of many workers or clients is ahead of the clock that all share, in cycles."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

SPREAD: Literal["spread"] = "spread"


def _known(value: Any) -> Any:
    if isinstance(value, str) and value != SPREAD:
        raise ValueError(f"{value!r} is not accepted; a number of cycles, {SPREAD}, or a list of numbers is")
    return tuple(value) if isinstance(value, list) else value


Offset = Annotated[float, Field(ge=-1e6, le=1e6)]
Each = Annotated[tuple[Offset, ...], Field(min_length=1, max_length=10_000)]
Offsets = Annotated[Literal["spread"] | Offset | Each, BeforeValidator(_known)]
"""One number for all, ``spread`` (number k of K by k/K), or a list that they take in turn."""


def offset(offsets: Literal["spread"] | float | tuple[float, ...], number: int, count: int) -> float:
    """That of one of ``count``, in cycles.

    >>> [offset("spread", number, 4) for number in range(4)]
    [0.0, 0.25, 0.5, 0.75]
    >>> [offset((0.0, 0.5), number, 3) for number in range(3)]
    [0.0, 0.5, 0.0]
    """
    if offsets == SPREAD:
        return number / count
    return offsets[number % len(offsets)] if isinstance(offsets, tuple) else float(offsets)

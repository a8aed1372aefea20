"""Some of many, evenly."""

from __future__ import annotations

from collections.abc import Sequence


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of the names, in order, evenly from the first to the last."""
    count = min(most, len(names))
    return [names[place * (len(names) - 1) // max(count - 1, 1)] for place in range(count)]

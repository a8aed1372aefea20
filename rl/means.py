"""Means of what the iterations of an agent measured, between two rows of the metrics log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Means:
    """Means of named numbers since the last look."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, row: Mapping[str, float]) -> None:
        """Count each number once more."""
        for name, value in row.items():
            entry = self._sums.setdefault(name, [0.0, 0.0])
            entry[0] += value
            entry[1] += 1.0

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means

    def state_dict(self) -> dict[str, list[float]]:
        """Sum and count of each name."""
        return {name: list(entry) for name, entry in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        self._sums = {name: [float(total), float(count)] for name, (total, count) in state.items()}

"""Reads a run's metrics log: which quantities it has, their series, and their mean over the last whole cycle."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lab.door import jsons
from lab.errors import UserError
from lab.training.integrity import check_logs

if TYPE_CHECKING:
    from lab.phase import Clock

FILE = "metrics.jsonl"


@dataclass(frozen=True)
class Metrics:
    """The rows of a run, in the order of their steps; each has ``step`` and the quantities that were due at it."""

    path: Path
    rows: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, run_path: str | Path) -> Metrics:
        """The log of a run directory, finished or still growing; no rows where nothing was logged yet.

        Raises:
            UserError: a line is none of a log, or the log is not as it was at the run's newest checkpoint.
        """
        path = Path(run_path)
        rows = [row for row, _ in jsons.lines(path / FILE, jsons.numbers)]
        check_logs(path)
        return cls(path, jsons.columns(rows, path / FILE))

    def names(self) -> list[str]:
        """Every column but ``step``, in the order of first appearance."""
        return list(self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row in self.rows for name in row if name != "step"))

    def series(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps (int64[n]) and values (float64[n]) of the rows that have the column.

        Raises:
            UserError: no row has it.
        """
        pairs = [(row["step"], float(row[name])) for row in self.rows if name in row]
        if not pairs:
            raise UserError(f"{self.path.name}: no column {name!r} in {FILE}; there are: {', '.join(self.names())}")
        steps, values = zip(*pairs, strict=True)
        return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)

    def last(self, name: str) -> float:
        """The column's newest value."""
        return float(self.series(name)[1][-1])

    def best(self, name: str, lower: bool = False) -> tuple[int, float]:
        """Step and value of the column's highest finite value (``lower``: its lowest), the first of equals.

        Raises:
            UserError: no row has the column, or only with values that are not finite.
        """
        steps, values = self.series(name)
        finite = np.isfinite(values)
        if not finite.any():
            raise UserError(f"{self.path.name}: no value of {name!r} is finite")
        place = int(np.argmax(np.where(finite, -values if lower else values, -np.inf)))
        return int(steps[place]), float(values[place])

    def over_last_cycle(self, name: str, clock: Clock, total_steps: int) -> float:
        """The column's mean over the last whole cycle of a run of ``total_steps``, so that no phase is favoured.

        Raises:
            UserError: no row has the column, or none of them lies in that cycle.
        """
        start, stop = last_cycle(clock, total_steps)
        steps, values = self.series(name)
        # A trainer may overshoot the end by part of a rollout: what it measured there belongs to the end.
        inside = (steps > start) & ((steps <= stop) | (stop == total_steps))
        if not inside.any():
            raise UserError(
                f"{self.path.name}: no value of {name!r} in the last whole cycle, steps {start + 1} to {stop}; "
                "evaluate_every must be at most one cycle"
            )
        return float(values[inside].mean())


def last_cycle(clock: Clock, total_steps: int) -> tuple[int, int]:
    """The last whole cycle of a run as ``(start, stop]`` in steps.

    A bounded clock that has ended rests at phase 1, so its last cycle reaches to the end of the run; where not even one
    cycle is whole, it is all of the run.
    """

    def cycle(step: int) -> int:
        return int(clock.position(step).cycle)

    position = clock.position(total_steps)
    steps = range(total_steps + 1)
    now = int(position.cycle)
    if float(position.phase) == 1.0:
        return bisect_left(steps, now, key=cycle), total_steps
    if now == 0:
        return 0, total_steps
    return bisect_left(steps, now - 1, key=cycle), bisect_left(steps, now, key=cycle)

"""Windows of a metrics log: how long a sign must last to count, in rows or in cycles of the clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lab.training.findings import Columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ROWS = 6
"""How many rows in a row a sign lasts at least."""
MOST_ROWS = 100
"""A cycle of more rows than these need not be waited for."""
BIN = 16
"""Rows of a stretch of the log that stands in for a cycle where nothing cycles."""
FEWEST = 6
"""A stretch of fewer rows has no amplitude."""


@dataclass(frozen=True)
class Rows:
    """The rows of a log that have all of some columns, with their place in the clock's cycles.

    Attributes:
        step: int64[n], ascending.
        turn: float64[n], cycles of the clock since the beginning (cycle + phase); NaN where the log has no clock.
        moving: bool[n], whether any voice has had another value up to this row: only then a cycle is one of training.
        values: the columns, float64[n] each.
    """

    step: Ints
    turn: Floats
    moving: Flags
    values: dict[str, Floats]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.step)

    def begins(self, rows: int = ROWS) -> Ints:
        """The first row of each row's window, int64[n]; negative where the log does not reach back far enough.

        A window has at least ``rows`` rows; where voices move it has a whole cycle too, up to ``MOST_ROWS`` rows.
        """
        places = np.arange(len(self))
        begins = places - (rows - 1)
        cycle = np.searchsorted(self.turn, self.turn - 1, side="right")
        cycle = np.where(self.turn >= 1, cycle, -1)
        long = places - (MOST_ROWS - 1)
        return np.where(self.moving, np.minimum(begins, np.maximum(cycle, long)), begins)

    def first_lasting(self, bad: Flags, rows: int = ROWS) -> tuple[int, int] | None:
        """The first row up to which ``bad`` (bool[n]) holds for a whole window, after the row where it began to."""
        begins = self.begins(rows)
        last_good = np.maximum.accumulate(np.where(bad, -1, np.arange(len(self)))) if len(self) else begins
        found = np.flatnonzero((begins >= 0) & (last_good < begins))
        return (int(last_good[found[0]]) + 1, int(found[0])) if len(found) else None

    def stretches(self) -> tuple[Ints, Ints, Ints]:
        """Each whole cycle, or ``BIN`` rows where no voice moves; without those of fewer than ``FEWEST`` rows.

        Returns:
            First row and number of rows of each, and the row at which it is known to be whole, int64[k] each.
        """
        turn = np.where(np.isnan(self.turn), 0, self.turn)
        key = np.where(self.moving, np.ceil(turn) - 1, -1 - np.arange(len(self)) // BIN)
        begins = np.flatnonzero(np.diff(key, prepend=np.nan) != 0)
        ends = np.append(begins[1:], len(self))
        counts = ends - begins
        whole = np.where(key[begins] < 0, counts == BIN, turn[ends - 1] >= key[begins] + 1)
        known = ends - whole
        taken = (counts >= FEWEST) & (known < len(self))
        return begins[taken], counts[taken], known[taken]


def amplitudes(step: Ints, values: Floats, begins: Ints, counts: Ints) -> Floats:
    """√2 times the standard deviation of each stretch around a straight line, float64[k]: of a sine, its amplitude."""
    of = np.repeat(np.arange(len(begins)), counts)
    rows = np.arange(len(of)) + np.repeat(begins - np.cumsum(counts) + counts, counts)

    def mean(numbers: Floats) -> Floats:
        return np.bincount(of, numbers, len(begins)) / counts

    x, y = step[rows].astype(np.float64), values[rows]
    x, y = x - mean(x)[of], y - mean(y)[of]
    slope = mean(x * y) / np.maximum(mean(x * x), 1e-300)
    return np.sqrt(2 * mean((y - slope[of] * x) ** 2))


def rows_with(columns: Columns, *names: str) -> Rows:
    """The rows that have a finite number in each of these columns; none where a column is absent."""
    there = np.ones(len(columns["step"]), bool)
    for name in names:
        there &= np.isfinite(columns[name]) if name in columns else False
    nothing = np.full(len(there), np.nan)
    turn = columns.get("clock/cycle", nothing) + columns.get("clock/phase", nothing)
    moving = _moving(columns) & np.isfinite(turn)
    values = {name: columns[name][there] for name in names if name in columns}
    return Rows(columns["step"][there].astype(np.int64), turn[there], moving[there], values)


def held(values: Floats, rows: int) -> Floats:
    """The highest level that so many rows in a row had (their least value), up to each row; −inf before the first."""
    if len(values) < rows:
        return np.full(len(values), -np.inf)
    least = sliding_window_view(values, rows).min(axis=1)
    return np.concatenate([np.full(rows - 1, -np.inf), np.maximum.accumulate(least)])


def _moving(columns: Columns) -> Flags:
    moving = np.zeros(len(columns["step"]), bool)
    for name, values in columns.items():
        if name.startswith("voice/"):
            last = values[0] if len(values) else np.nan
            moving |= (values != last) & np.isfinite(values)
    return np.maximum.accumulate(moving) if len(moving) else moving

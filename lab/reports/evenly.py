"""The rows of a run's log that are equally spaced: what a spectrum, or a comparison of two columns, can be taken of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.phase import Clock
from lab.reports.runs import RunData
from lab.reports.series import Floats, Ints

VOICE = "voice/"
UNEVEN = 0.25
"""Rows count as equally spaced whose distances are within this share of the usual one."""
CADENCES = ("log_every", "evaluate_every", "checkpoint_every")
"""Settings of a run at whose multiples a row of its log is due."""
TRANSIENT = 5
"""From so many cycles of the clock on, the first is left out: there a run finds its way, and does not swing."""


@dataclass(frozen=True)
class Evenly:
    """The longest stretch of equally spaced, finite values of a column.

    Attributes:
        steps: int64[n].
        values: float64[n].
        spacing: steps from one to the next; 0 where there are fewer than two.
        late: whether the clock's first cycle was left out.
    """

    steps: Ints
    values: Floats
    spacing: float
    late: bool = False

    @property
    def length(self) -> float:
        """Steps that it covers."""
        return len(self.steps) * self.spacing


def together(first: Evenly, second: Evenly) -> tuple[Evenly, Evenly]:
    """The rows that both columns have."""
    steps, one, two = np.intersect1d(first.steps, second.steps, return_indices=True)
    return Evenly(steps, first.values[one], first.spacing), Evenly(steps, second.values[two], second.spacing)


def one_period(clock: Clock, steps: Ints) -> float | None:
    """Steps of a cycle of a clock, where it has one length at all of these steps."""
    lengths: set[float] = set(np.atleast_1d(clock.position(steps).period).tolist()) if len(steps) else set()
    return float(lengths.pop()) if len(lengths) == 1 else None


def settled(run: RunData, column: str) -> Evenly:
    """A column's evenly spaced values, without the clock's first cycle where enough are left after it."""
    even = evenly(*_at_one_cadence(run, column))
    if not len(even.steps):
        return even
    cycles = np.asarray(run.clock.position(even.steps - 1 if even.steps[0] else even.steps).cycle)
    if len(np.unique(cycles)) < TRANSIENT:
        return even
    late = cycles > cycles[0]
    return Evenly(even.steps[late], even.values[late], even.spacing, late=True)


def _at_one_cadence(run: RunData, column: str) -> tuple[Ints, Floats]:
    """A column at multiples of the finest of the run's cadences, where rows are due at several that do not fit."""
    steps, values = run.series(column)
    if len(steps) < 3 or not _uneven(steps).any():
        return steps, values
    everies = [run.config.get(name) for name in CADENCES]
    known = [every for every in everies if isinstance(every, int) and every > 0]
    return gathered(steps, values, min(known), column.startswith(VOICE)) if known else (steps, values)


def gathered(steps: Ints, values: Floats, every: int, moment: bool = False) -> tuple[Ints, Floats]:
    """The rows of a column at multiples of a cadence, or the first past each, without those between them.

    Args:
        steps, values: the column; a value is the mean since the row before.
        every: the cadence.
        moment: a value is that at its row, and what lies between two rows is only left out.

    Returns:
        Steps and values; a mean is that of its parts, by their lengths.

    >>> gathered(np.array([50, 84, 100]), np.array([1.0, 2.0, 4.0]), every=50)
    (array([ 50, 100]), array([1.  , 2.64]))
    """
    number = steps // every
    ends = np.flatnonzero(np.diff(number, prepend=0) > 0)
    if moment or not len(ends):
        return steps[ends], values[ends]
    lengths = np.minimum(np.diff(steps, prepend=0), every)[: ends[-1] + 1]
    starts = np.concatenate([[0], ends[:-1] + 1])
    weighed = np.add.reduceat(lengths * values[: ends[-1] + 1], starts) / np.add.reduceat(lengths, starts)
    return steps[ends], weighed


def _uneven(steps: Ints) -> NDArray[np.bool_]:
    """Which distances between rows are not the usual one."""
    gaps = np.diff(steps).astype(np.float64)
    spacing = float(np.median(gaps))
    return np.abs(gaps - spacing) > UNEVEN * spacing


def evenly(steps: Ints, values: Floats) -> Evenly:
    """The longest stretch of a column in which rows are equally spaced and values are finite.

    >>> evenly(np.array([1, 2, 3, 9, 10]), np.array([5.0, 6.0, 7.0, 8.0, 9.0])).values
    array([5., 6., 7.])
    """
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if len(steps) < 2:
        return Evenly(steps, values, 0.0)
    spacing = float(np.median(np.diff(steps)))
    broken = np.flatnonzero(_uneven(steps)) + 1
    edges = np.concatenate([[0], broken, [len(steps)]])
    longest = int(np.argmax(np.diff(edges)))
    inside = slice(edges[longest], edges[longest + 1])
    return Evenly(steps[inside], values[inside], spacing)

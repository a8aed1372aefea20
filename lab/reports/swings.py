"""What swings in a run's log, and how its losses go with its schedules: the numbers behind the section *Stability*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.diagnostics.oscillation import (
    CYCLES,
    FEWEST,
    SURE,
    Against,
    Oscillation,
    against,
    coherence_by_chance,
    dominant,
    growth,
    share_by_chance,
)
from lab.reports.runs import RunData
from lab.reports.series import Floats, Ints
from lab.training import plugins

VOICE = "voice/"
LOSS = "loss/"
UNEVEN = 0.25
"""Rows count as equally spaced whose distances are within this share of the usual one."""
TRANSIENT = 5
"""From so many cycles of the clock on, the first is left out: there a run finds its way, and does not swing."""


@dataclass(frozen=True)
class Evenly:
    """The longest stretch of equally spaced, finite values of a column.

    Attributes:
        steps: int64[n].
        values: float64[n].
        spacing: steps from one to the next; 0 where there are fewer than two.
    """

    steps: Ints
    values: Floats
    spacing: float


@dataclass(frozen=True)
class Swing:
    """The strongest swing of one column.

    Attributes:
        column: of the metrics log.
        even: the values that were looked at.
        found: the swing; None where the column is too short for one that comes back, or has none.
        chance: the share of variance that noise as smooth reaches in one of twenty columns as long.
        clock: how many cycles of the clock the period is, where they are all alike; else None.
        growth: of its amplitude by cycle, as a factor minus 1, with its 95 % interval; None where nothing can be said.
    """

    column: str
    even: Evenly
    found: Oscillation | None
    chance: float
    clock: float | None
    growth: tuple[float, float, float] | None

    @property
    def short(self) -> bool:
        """Whether there are too few values to say anything."""
        return len(self.even.values) < FEWEST

    @property
    def sure(self) -> bool:
        """Whether it stands out from noise."""
        return self.found is not None and self.found.share > self.chance

    @property
    def clocked(self) -> bool:
        """Whether its period is the clock's own, as far as a log of this length can tell."""
        if self.found is None or self.clock is None:
            return False
        length = len(self.even.values) * self.even.spacing / self.found.period
        return abs(self.clock - 1.0) < self.clock / length


@dataclass(frozen=True)
class Following:
    """How a loss goes with a schedule, at the schedule's own period.

    Attributes:
        column, voice: of the loss, and of the schedule by its name.
        period: the schedule's, in steps.
        cycles: how many of them the numbers are from.
        found: coherence, lag (of the loss behind the schedule) and phase locking.
    """

    column: str
    voice: str
    period: float
    cycles: int
    found: Against

    @property
    def chance(self) -> float:
        """The coherence that unrelated columns reach by chance over so many cycles in one of twenty."""
        return coherence_by_chance(self.cycles)

    @property
    def sure(self) -> bool:
        """Whether the loss goes with the schedule by more than chance."""
        return self.found.coherence > self.chance


def watched(run: RunData) -> list[str]:
    """The columns that the run's trainer names as its dynamics and that its log has."""
    names = getattr(plugins.trainer(run.trainer), "dynamics", ())
    return [name for name in names if len(run.series(name)[0])]


def swing(run: RunData, column: str) -> Swing:
    """The strongest swing of a column."""
    even = settled(run, column)
    found = dominant(even.values, even.spacing) if len(even.values) > 1 else None
    if found is None:
        return Swing(column, even, None, 0.0, None, None)
    cycle = one_period(run, even.steps)
    one = Swing(column, even, found, share_by_chance(even.values), found.period / cycle if cycle else None, None)
    period = cycle if one.clocked and cycle else found.period
    return Swing(column, even, found, one.chance, one.clock, _growth(even, period))


def _growth(even: Evenly, period: float) -> tuple[float, float, float] | None:
    from scipy.stats import t

    found = growth(even.values, period, even.spacing)
    cycles = int(len(even.values) * even.spacing / period)
    if found is None or cycles < CYCLES:
        return None
    slope, error = found
    reach = float(t.ppf(0.5 + SURE / 2, cycles - 2)) * error
    low, middle, high = (
        float(np.expm1(np.clip(each * period, -50, 50))) for each in (slope - reach, slope, slope + reach)
    )
    return middle, low, high


def followings(run: RunData, columns: Sequence[str]) -> list[Following]:
    """How each loss goes with each schedule that swings, as far as the log is long enough to say.

    A loss is logged as the mean since the row before, a schedule as it is at the row: the lag is counted from the
    middle of what the mean is over.
    """
    found = []
    for name in (name for name in run.metrics.names() if name.startswith(VOICE)):
        for column in columns:
            loss, voice = _together(settled(run, column), settled(run, name))
            period = _period_of(run, voice)
            if period is None:
                continue
            how = against(loss.values, voice.values, period, loss.spacing)
            if how is None:
                continue
            lag = (how.lag - 0.5 * loss.spacing / period + 0.5) % 1.0 - 0.5
            cycles = int(len(loss.values) * loss.spacing / period)
            told = Against(how.coherence, lag, how.locking)
            found.append(Following(column, name.removeprefix(VOICE), period, cycles, told))
    return found


def _together(first: Evenly, second: Evenly) -> tuple[Evenly, Evenly]:
    """The rows that both columns have."""
    steps, one, two = np.intersect1d(first.steps, second.steps, return_indices=True)
    return Evenly(steps, first.values[one], first.spacing), Evenly(steps, second.values[two], second.spacing)


def _period_of(run: RunData, voice: Evenly) -> float | None:
    """The period at which a schedule swings: its clock's where it is that; None where it does not swing."""
    if len(voice.values) < FEWEST:
        return None
    found, cycle = dominant(voice.values, voice.spacing), one_period(run, voice.steps)
    if found is None:
        return None
    length = len(voice.values) * voice.spacing
    return cycle if cycle and abs(1 / found.period - 1 / cycle) < 1 / length else found.period


def one_period(run: RunData, steps: Ints) -> float | None:
    """Steps of a cycle of the clock, where it has one length at all of these steps."""
    lengths: set[float] = set(np.atleast_1d(run.clock.position(steps).period).tolist()) if len(steps) else set()
    return float(lengths.pop()) if len(lengths) == 1 else None


def settled(run: RunData, column: str) -> Evenly:
    """A column's evenly spaced values, without the clock's first cycle where enough are left after it."""
    even = evenly(*run.series(column))
    if not len(even.steps):
        return even
    cycles = np.asarray(run.clock.position(even.steps - 1 if even.steps[0] else even.steps).cycle)
    if len(np.unique(cycles)) < TRANSIENT:
        return even
    late = cycles > cycles[0]
    return Evenly(even.steps[late], even.values[late], even.spacing)


def evenly(steps: Ints, values: Floats) -> Evenly:
    """The longest stretch of a column in which rows are equally spaced and values are finite.

    >>> evenly(np.array([1, 2, 3, 9, 10]), np.array([5.0, 6.0, 7.0, 8.0, 9.0])).values
    array([5., 6., 7.])
    """
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if len(steps) < 2:
        return Evenly(steps, values, 0.0)
    gaps = np.diff(steps).astype(np.float64)
    spacing = float(np.median(gaps))
    broken = np.flatnonzero(np.abs(gaps - spacing) > UNEVEN * spacing) + 1
    edges = np.concatenate([[0], broken, [len(steps)]])
    longest = int(np.argmax(np.diff(edges)))
    inside = slice(edges[longest], edges[longest + 1])
    return Evenly(steps[inside], values[inside], spacing)

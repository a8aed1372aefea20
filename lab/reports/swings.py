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
from lab.reports.evenly import VOICE, Evenly, one_period, settled, together
from lab.reports.runs import RunData
from lab.reports.series import Ints

LOSS = "loss/"
ROWS = 3
"""A cycle of fewer is up at one row and down at the next, wherever its crest lies."""
SAMPLES = 65
"""Steps of a cycle at which a schedule is looked at, whether it moves."""


@dataclass(frozen=True)
class Pace:
    """A period at which something was set to move.

    Attributes:
        period: in steps.
        clock: whether it is the master clock's cycle.
        voices: schedules that move at it by clocks of their own, or as they follow what is measured.
    """

    period: float
    clock: bool
    voices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Whose it is."""
        return "the clock" if self.clock else " and ".join(self.voices)


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
        pace: what is set to move at this period, as far as a log of this length can tell; None where nothing is.
        own: whether the period is known to be that of nothing which is set.
    """

    column: str
    even: Evenly
    found: Oscillation | None
    chance: float
    clock: float | None
    growth: tuple[float, float, float] | None
    pace: Pace | None = None
    own: bool = False

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
        return self.pace is not None and self.pace.clock


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
    names = getattr(run.plugin, "dynamics", ())
    return [name for name in names if len(run.series(name)[0])]


def swing(run: RunData, column: str) -> Swing:
    """The strongest swing of a column."""
    even = settled(run, column)
    found = dominant(even.values, even.spacing) if len(even.values) > 1 else None
    if found is None:
        return Swing(column, even, None, 0.0, None, None)
    known, all_known = paces(run, even.steps)
    near = [pace for pace in known if _alike(found.period, pace.period, even)]
    pace = min(near, key=lambda each: abs(1 / found.period - 1 / each.period), default=None)
    return Swing(
        column=column,
        even=even,
        found=found,
        chance=share_by_chance(even.values),
        clock=next((found.period / each.period for each in known if each.clock), None),
        growth=_growth(even, pace.period if pace else found.period),
        pace=pace,
        own=bool(known) and pace is None and all_known and min(each.period for each in known) >= 2 * even.spacing,
    )


def _alike(period: float, other: float, even: Evenly) -> bool:
    """Whether a log of this length cannot tell two periods apart."""
    return abs(1 / period - 1 / other) < 1 / even.length


def paces(run: RunData, steps: Ints) -> tuple[list[Pace], bool]:
    """The periods at which a run's clock and its schedules move, the clock's first, and whether these are all.

    They are not where cycles of a schedule that moves have several lengths at these steps.
    """
    cycle = one_period(run.clock, steps)
    found: dict[float, list[str]] = {}
    complete = True
    for name in _moving(run, steps):
        period = _set_period(run, name, steps)
        if period is None:
            complete = False
        elif period != cycle:
            found.setdefault(period, []).append(name)
    others = [Pace(period, False, tuple(names)) for period, names in found.items()]
    return [*([Pace(cycle, True)] if cycle else []), *others], complete


def _moving(run: RunData, steps: Ints) -> list[str]:
    """The schedules that are not constant."""
    names = []
    for name, voice in run.voices.items():
        if voice.clock is None or not len(steps):
            continue
        cycle = int(voice.clock.position(int(steps[0])).period)
        within = np.unique(np.linspace(steps[0], steps[0] + cycle, SAMPLES).astype(np.int64))
        if np.ptp(voice(within)) > 0:
            names.append(name)
    logged = [name.removeprefix(VOICE) for name in run.metrics.names() if name.startswith(VOICE)]
    return names + [name for name in logged if name not in run.voices and np.ptp(run.series(VOICE + name)[1]) > 0]


def _set_period(run: RunData, name: str, steps: Ints) -> float | None:
    """Steps of a cycle of a schedule: of its clock, or as the log has it where it follows what is measured."""
    if name in run.voices:
        return one_period(run.voices[name].clock, steps)
    voice = settled(run, VOICE + name)
    found = dominant(voice.values, voice.spacing) if len(voice.values) > 1 else None
    return found.period if found and found.share > share_by_chance(voice.values) else None


def _growth(even: Evenly, period: float) -> tuple[float, float, float] | None:
    from scipy.stats import t

    found = growth(even.values, period, even.spacing)
    cycles = int(even.length / period)
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
            loss, voice = together(settled(run, column), settled(run, name))
            if name.removeprefix(VOICE) in too_fast(run, loss):
                continue
            period = _period_of(run, name, voice)
            if period is None:
                continue
            how = against(loss.values, voice.values, period, loss.spacing)
            if how is None:
                continue
            lag = (how.lag - 0.5 * loss.spacing / period + 0.5) % 1.0 - 0.5
            cycles = int(loss.length / period)
            told = Against(how.coherence, lag, how.locking)
            found.append(Following(column, name.removeprefix(VOICE), period, cycles, told))
    return found


def schedules(run: RunData) -> list[str]:
    """The schedules that come back often enough in the log for a loss to be held against them."""
    names = [name for name in run.metrics.names() if name.startswith(VOICE)]
    return [name.removeprefix(VOICE) for name in names if _period_of(run, name, settled(run, name)) is not None]


def too_fast(run: RunData, even: Evenly) -> list[str]:
    """The schedules whose cycles have too few rows to say how a loss lies in them."""
    periods = {name: _set_period(run, name, even.steps) for name in _moving(run, even.steps)}
    return [name for name, period in periods.items() if period is not None and period < ROWS * even.spacing]


def _period_of(run: RunData, column: str, voice: Evenly) -> float | None:
    """The period at which a schedule swings: its clock's where it is that; None where it does not swing."""
    found = dominant(voice.values, voice.spacing) if len(voice.values) >= FEWEST else None
    if found is None:
        return None
    own = run.voices.get(column.removeprefix(VOICE))
    cycle = one_period(run.clock if own is None or own.clock is None else own.clock, voice.steps)
    return cycle if cycle and _alike(found.period, cycle, voice) else found.period

"""What the swings of a run say to somebody who trains it: sentences with their numbers, and tables of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lab.diagnostics.oscillation import CYCLES, FEWEST
from lab.reports.blocks import Table
from lab.reports.evenly import TRANSIENT, VOICE, Evenly
from lab.reports.runs import RunData
from lab.reports.study import phrase
from lab.reports.swings import (
    LOSS,
    ROWS,
    Following,
    Swing,
    followings,
    schedules,
    swing,
    too_fast,
    watched,
)
from lab.reports.words import ABSENT, capital, fmt, percent

TOGETHER = 1 / 16
"""Of a cycle: a lag below it is none."""


def swing_words(run: RunData) -> tuple[list[str], list[Table]]:
    """Sentences and tables on the columns that the run's trainer names as its dynamics; none where it names none."""
    columns = watched(run)
    if not columns:
        return [], []
    unit = run.plugin.step_unit
    swings = [swing(run, column) for column in columns]
    losses = [column for column in columns if column.startswith(LOSS)]
    follow = followings(run, losses)
    said = [_of_swing(each, unit) for each in swings]
    same: dict[tuple[str, float, str], list[Following]] = {}
    for each in follow:
        same.setdefault((each.column, each.period, f"{each.found.coherence:.2f}"), []).append(each)
    said += [_of_followings(group, unit) for group in same.values()]
    fast = too_fast(run, _longest(each.even for each in swings))
    if losses and fast:
        said.append(
            f"How the losses go with {' and '.join(fast)} cannot be told: a cycle has fewer than {ROWS} rows of this "
            "log (see log_every)."
        )
    elif losses and not follow:
        said.append(_unfollowed(run))
    said.append(_limits([each.even for each in swings], unit))
    tables = [_swings_table(swings), _followings_table(follow)]
    return [each for each in said if each], [table for table in tables if table.rows]


def _of_swing(one: Swing, unit: str) -> str:
    name, rows = phrase(one.column), len(one.even.values)
    if one.short:
        return (
            f"Nothing can be said of the {name}: its log has only {rows} evenly spaced "
            f"row{'' if rows == 1 else 's'}, and {FEWEST} are needed."
        )
    if one.found is None:
        return f"The {name} has no swing that comes back {CYCLES:.0f} times within its {rows} rows."
    share, chance = f"{percent(one.found.share)} of its variance", percent(one.chance)
    every = f"every {one.found.period:,.0f} {unit}s"
    if not one.sure:
        return (
            f"The {name} has no clear swing: the strongest comes {every} and makes {share}; noise as smooth reaches "
            f"{chance} in one of twenty logs as long."
        )
    of = f"makes {share} (noise reaches {chance} in one of twenty), with an amplitude of {fmt(one.found.amplitude)}"
    of += f" around {fmt(float(one.even.values.mean()))}"
    if (pace := one.pace) is not None:
        # Of the two periods that which was set is known, the other read off a log of few cycles.
        return (
            f"The {name} swings at the pace of {pace.name}, whose cycle is {pace.period:,.0f} {unit}s: it {of}. "
            f"{_grows(one)}"
        )
    beside = f", {fmt(one.clock)} cycles of the clock" if one.clock else ""
    own = (": a pace of its own" if one.clock else ", a pace of its own") if one.own else ""
    return f"The {name} swings {every}{beside}{own}: it {of}. {_grows(one)}"


def _grows(one: Swing) -> str:
    if one.growth is None:
        return ""
    middle, low, high = one.growth
    number = f"{percent(middle, '+')} a swing, 95\u00a0% interval {percent(low, '+')} to {percent(high, '+')}"
    if low > 0:
        return (
            f"Its swings grow ({number}): something drives them, a rate too high or a cycle in resonance with the game."
        )
    if high < 0:
        return f"Its swings die away ({number})."
    return f"Whether they grow cannot be told from so few ({number})."


def _of_followings(same: Sequence[Following], unit: str) -> str:
    """A loss against schedules of one period, which have the same coherence with it."""
    one = same[0]
    numbers = (
        f"coherence {one.found.coherence:.2f} over {one.cycles} cycles, where chance reaches {one.chance:.2f} in one "
        f"of twenty; phase-locking value {one.found.locking:.2f}"
    )
    name, listed = phrase(one.column), " and ".join(each.voice for each in same)
    if not one.sure:
        return f"The {name} cannot be told to follow {listed}: {numbers}."
    return f"The {name} goes with {listed}: {numbers}. It is high {'; '.join(_lag(each, unit) for each in same)}."


def _lag(one: Following, unit: str) -> str:
    lag, told = one.found.lag, f"{one.found.lag:+.2f} of a cycle".replace("-", "−")
    if abs(lag) < TOGETHER:
        return f"when {one.voice} is (a lag of {told})"
    if abs(lag) > 0.5 - TOGETHER:
        return f"when {one.voice} is low (a lag of {told})"
    return (
        f"{abs(lag) * one.period:,.0f} {unit}s, {abs(lag):.2f} of a cycle, {'after' if lag > 0 else 'before'} "
        f"{one.voice} is"
    )


def _unfollowed(run: RunData) -> str:
    voices = [name for name in run.metrics.names() if name.startswith(VOICE)]
    if all(np.ptp(run.series(name)[1]) == 0 for name in voices):
        return "No schedule moves in this log, so that there is none that a loss could follow."
    if moving := schedules(run):
        return f"No loss has a swing at the period of {' or '.join(moving)}: none follows it."
    return (
        f"No schedule comes back {CYCLES:.0f} times in this log: whether the losses follow any cannot be told before "
        "the run is longer."
    )


def _longest(evens: Iterable[Evenly]) -> Evenly:
    return max(evens, key=lambda even: len(even.steps))


def _limits(evens: Sequence[Evenly], unit: str) -> str:
    """What such a log cannot show."""
    even = _longest(evens)
    if not even.spacing:
        return ""
    shortest, longest = f"{2 * even.spacing:,.0f} {unit}s (two rows, see log_every)", even.length / CYCLES
    if 2 * even.spacing > longest:
        return f"No swing can be seen in this log: one takes at least {shortest}, and has to come {CYCLES:.0f} times."
    first = f" The clock's first cycle is left out, as the log has {TRANSIENT} or more." if even.late else ""
    return f"A swing shorter than {shortest} or longer than {longest:,.0f} cannot be seen in this log.{first}"


def _swings_table(swings: Sequence[Swing]) -> Table:
    header = ["quantity", "rows", "period", "share of variance", "by chance", "amplitude", "growth a swing"]
    rows = [
        [
            capital(phrase(one.column)),
            str(len(one.even.values)),
            f"{one.found.period:,.0f}",
            percent(one.found.share),
            percent(one.chance),
            fmt(one.found.amplitude),
            percent(one.growth[0], "+") if one.growth else ABSENT,
        ]
        for one in swings
        if one.found is not None
    ]
    return Table("The strongest swing of each quantity", header, rows)


def _followings_table(follow: Sequence[Following]) -> Table:
    header = ["loss", "schedule", "cycles", "coherence", "by chance", "lag in cycles", "phase locking"]
    rows = [
        [
            capital(phrase(one.column)),
            one.voice,
            str(one.cycles),
            f"{one.found.coherence:.2f}",
            f"{one.chance:.2f}",
            f"{one.found.lag:+.2f}".replace("-", "−"),
            f"{one.found.locking:.2f}",
        ]
        for one in follow
    ]
    return Table("Losses against schedules: the lag is the loss's, behind the schedule", header, rows)

"""Voices drawn with characters, for a terminal: every voice over one axis of steps, its crests and troughs marked."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from fractions import Fraction
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lab.phase.clock import Clock
from lab.phase.cooled import Cooled
from lab.phase.errors import PhaseError, refuse
from lab.phase.follower import Follower
from lab.phase.parsing import ScheduleFile
from lab.phase.schedule import ConstantProduct, Schedule
from lab.phase.voice import Constant, Event, Voice

GUTTER = 10
"""Columns left of the axis, for the numbers."""
NARROWEST = 40
ROWS = 4
"""Text rows of one voice; each shows eight levels."""
EIGHTHS = " ▁▂▃▄▅▆▇█"
BETWEEN = "░"
"""Where the voice moves within the steps of one column."""
CREST, TROUGH = "▲", "▽"
MOST_STEPS = 200_000
"""Longer schedules are looked at at so many of their steps."""
ASCII = str.maketrans(EIGHTHS[1:] + BETWEEN + CREST + TROUGH + "│└─┬·×…", "__--==##:^v|+-+.x.")
"""What the characters become where a terminal knows only ASCII."""


def draw(file: ScheduleFile, width: int = 80) -> str:
    """The picture of a schedule file, in lines of at most ``width`` (40 or more) columns.

    Raises:
        PhaseError: a width below 40.
    """
    if width < NARROWEST:
        raise refuse("width", width, f"at least {NARROWEST} columns")
    columns = width - GUTTER - 1
    edges = np.linspace(0, file.steps, columns + 1)
    steps = np.unique(np.linspace(0, file.steps - 1, min(file.steps, MOST_STEPS)).astype(np.int64))
    lines = _wrap(f"{file.steps:,} steps · {_clock_words(file.clock)}", width)
    moving = False
    for name, voice in file.voices.items():
        if isinstance(voice, Follower | Constant):
            lines += ["", *_wrap(f"{name}  {describe(voice)}", width)]
            continue
        moving = True
        lines += ["", *_wrap(f"{name}  {describe(voice, file.voices)}", width)]
        lines += _plot(voice(steps), np.minimum(np.searchsorted(edges, steps, side="right"), columns) - 1, columns)
        lines += _marks(voice, file.steps, columns)
    if moving:
        lines += _axis(file, columns)
        lines += _wrap(f"{CREST} crest, {TROUGH} trough, {BETWEEN} moves within the column", width)
    return "\n".join(line.rstrip() for line in lines)


def describe(voice: Voice | Follower, among: Mapping[str, Voice | Follower] = {}) -> str:
    """A voice in a few words: its wave, range, offset and mean."""
    if isinstance(voice, Constant):
        return f"constant {voice.value:.3g}"
    if isinstance(voice, Follower):
        relation = "anti-phase" if voice.anti else "phase"
        return f"follows {voice.source} in {relation}, {voice.low:.3g} to {voice.high:.3g}"
    if isinstance(voice, ConstantProduct):
        of = next((f" / {name}" for name, other in among.items() if other == voice.leader), " / its leader")
        power = "" if voice.power == 1 else {2.0: "²", 3.0: "³"}.get(voice.power, f"^{voice.power:g}")
        return f"{voice.product:.3g}{of}{power}, {voice.low:.3g} to {voice.high:.3g} · mean {voice.mean():.3g}"
    if isinstance(voice, Cooled):
        return f"{describe(voice.voice, among)}, then to 0 over {voice.steps:,} steps from {voice.start:,}"
    if not isinstance(voice, Schedule):
        return type(voice).__name__
    wave = voice.wave if isinstance(voice.wave, str) else "own wave"
    inverted = ", inverted" if voice.inverted else ""
    scale = ", geometric," if voice.scale == "geometric" else ""
    offset = f" · offset {voice.offset:g}" if voice.offset else ""
    return f"{wave}{inverted}{scale} {voice.low:.3g} to {voice.high:.3g}{offset} · mean {voice.mean():.3g}"


def turning_points(voice: Voice, event: Event, steps: int, most: int) -> list[int]:
    """The steps before ``steps`` at which a conductor would fire the event, but no more than the first ``most``.

    None for a voice that has no such event.
    """
    try:
        return list(islice(voice.due(event, 0, steps), most))
    except PhaseError:
        return []


def _clock_words(clock: Clock) -> str:
    first = clock.periods(5)
    alike = len(clock.parts) == 1 and len(set(first)) == 1
    if clock.cycles is None:
        return f"endless cycles of {first[0]:,} steps" if alike else f"cycles of {_list(first, more=True)} steps"
    if alike:
        return f"{clock.cycles} × {first[0]:,} steps"
    more = clock.cycles > len(first)
    rest = f", then rest at step {clock.length:,}" if clock.length is not None else ""
    return f"{clock.cycles} cycles of {_list(first, more)} steps{rest}"


def _list(numbers: list[int], more: bool) -> str:
    return ", ".join(f"{number:,}" for number in numbers) + (", …" if more else "")


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ")


def _plot(values: NDArray[np.float64], where: NDArray[np.int64], columns: int) -> list[str]:
    """Bars from the bottom: full up to each column's lowest value, shaded from there to its highest."""
    low, high = float(values.min()), float(values.max())
    span = high - low or 1.0
    least, most = np.full(columns, np.inf), np.full(columns, -np.inf)
    np.minimum.at(least, where, values)
    np.maximum.at(most, where, values)
    for column in np.flatnonzero(np.isinf(least)):  # more columns than steps: a column shows the step before it
        least[column], most[column] = least[column - 1], most[column - 1]
    scale = 8 * ROWS - 1
    bottom = 1 + np.rint((least - low) / span * scale).astype(int)
    top = 1 + np.rint((most - low) / span * scale).astype(int)
    lines = []
    for row in reversed(range(ROWS)):
        label = f"{high:.3g}" if row == ROWS - 1 else f"{low:.3g}" if row == 0 else ""
        cells = (_cell(b - 8 * row, t - 8 * row) for b, t in zip(bottom, top, strict=True))
        lines.append(f"{label:>{GUTTER - 1}} │{''.join(cells)}")
    return lines


def _cell(bottom: int, top: int) -> str:
    """One character for a column that fills up to ``bottom`` and moves up to ``top``, in eighths of its row.

    A move of less than a row is drawn as a bar of its middle, so that slopes are smooth.
    """
    if top - bottom <= 8:
        return EIGHTHS[min(max((bottom + top) // 2, 0), 8)]
    if bottom > 0 or top <= 0:
        return EIGHTHS[min(max(bottom, 0), 8)]
    return BETWEEN


def _marks(voice: Voice, steps: int, columns: int) -> list[str]:
    """A line with a sign in the column of every crest and trough; none where they would run into each other."""
    cells = [" "] * columns
    most = columns // 3
    crests, troughs = (turning_points(voice, event, steps, most + 1) for event in ("crest", "trough"))
    if len(crests) + len(troughs) > most:
        return [f"{'':{GUTTER}} too many crests to mark"]
    for sign, at in ((TROUGH, troughs), (CREST, crests)):
        for step in at:
            cells[step * columns // steps] = sign
    return [f"{'':{GUTTER}} {''.join(cells)}"]


def _axis(file: ScheduleFile, columns: int) -> list[str]:
    """The axis with a tick at the start of every cycle (as far as they fit), and steps below it."""
    most = columns // 3
    starts = list(islice(file.clock.reaching(Fraction(0), 0, file.steps), most + 1))
    ticks = {step * columns // file.steps for step in starts} if len(starts) <= most else set()
    ruler = "".join("┬" if column in ticks else "─" for column in range(columns))
    numbers = [" "] * (columns + GUTTER)
    end = f"{file.steps:,}"
    free = 0
    for step in starts if ticks else [0]:
        text, at = f"{step:,}", step * columns // file.steps
        if at >= free and at + len(text) < columns - len(end):
            numbers[at : at + len(text)] = text
            free = at + len(text) + 2
    numbers[columns - len(end) : columns] = end
    return [f"{'step':>{GUTTER - 1}} └{ruler}", f"{'':{GUTTER}} {''.join(numbers[:columns])}"]

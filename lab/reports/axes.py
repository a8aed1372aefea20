"""The axis of steps that figures share: its numbers, its cycles shaded, a voice over it; and axes of values."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lab.phase import Clock, Voice
from lab.phase.drawing import turning_points
from lab.reports import style
from lab.reports.series import Ints
from lab.reports.words import fmt

MOST_CYCLES = 40
"""More cycles than these are not shaded, and their crests not marked: they would be a grey smear."""
MOST_POINTS = 4000
"""A voice is drawn at so many steps at most, its crests and troughs always among them."""

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def steps_axis(axes: Axes, steps: int, unit: str = "") -> None:
    """Label the shared axis: thousands as 5k, millions as 2M, so that ticks stay apart on a narrow screen.

    Args:
        axes: the lowest panel.
        steps: the axis ends there.
        unit: what one step is, where that is known ("generator update").
    """
    axes.set_xlim(0, steps)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 4, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
    axes.set_xlabel(f"step ({unit}s)" if unit else "step")


def step_text(step: float) -> str:
    """A step for an axis: 500, 2k, 12.5k, 3M."""
    for power, letter in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= power:
            return f"{fmt(step / power)}{letter}"
    return fmt(step)


def shade_cycles(axes: Axes, clock: Clock, steps: int) -> bool:
    """Shade every second cycle of a clock, unless there are too many to see; whether there is a second one."""
    starts = list(islice(clock.reaching(Fraction(0), 0, steps), MOST_CYCLES + 1))
    if not 1 < len(starts) <= MOST_CYCLES:
        return False
    end = steps if clock.length is None else min(steps, clock.length)  # a clock that has ended rests
    for start, stop in list(zip(starts, [*starts[1:], end], strict=True))[1::2]:
        axes.axvspan(start, stop, color=style.SHADE, linewidth=0, zorder=0)
    return True


def draw_voice(axes: Axes, voice: Voice, steps: int, color: str, dash: Any, label: str) -> bool:
    """Draw a voice over steps 0 to ``steps`` − 1 with its crests and troughs; whether it has such marks.

    One that turns too often for marks is drawn as a tint of where it moves.
    """
    most = 2 * MOST_CYCLES
    crests = np.array(turning_points(voice, "crest", steps, most + 1), np.int64)
    troughs = np.array(turning_points(voice, "trough", steps, most + 1), np.int64)
    crowded = len(crests) + len(troughs) > most
    grid = _spread(steps)
    if not crowded:
        grid = np.unique(np.concatenate([grid, crests, troughs]))
    axes.plot(
        grid, np.broadcast_to(voice(grid), grid.shape), color=color, label=label, zorder=3,
        linestyle="-" if crowded else dash, linewidth=0.6 if crowded else 2.0, alpha=0.6 if crowded else 1.0,
    )  # fmt: skip
    if crowded:
        return False
    for at, (marker, face) in ((crests, ("^", color)), (troughs, ("v", "white"))):
        if len(at):
            axes.plot(
                at, voice(at), linestyle="none", marker=marker, markersize=6.5, color=color, markerfacecolor=face,
                markeredgewidth=1.4, zorder=4, clip_on=False,
            )  # fmt: skip
    return len(crests) + len(troughs) > 0


def cycle_key(marked: bool, shaded: bool) -> list[Artist]:
    """What a legend shows for the signs that several panels share."""
    signs: list[Artist] = [_sign("^", style.INK, "crest"), _sign("v", "white", "trough")] if marked else []
    return [*signs, Patch(color=style.SHADE, label="every second cycle")] if shaded else signs


def _sign(marker: str, face: str, label: str) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, color=style.INK, markerfacecolor=face, markersize=7, label=label
    )


def _spread(steps: int) -> Ints:
    """All steps, or ``MOST_POINTS`` of them from the first to the last.

    Each but those two lies anywhere in its stretch, in every picture at the same place: evenly spaced they would beat
    with a fast clock, and show cycles that are not there.
    """
    if steps <= MOST_POINTS:
        return np.arange(steps, dtype=np.int64)
    edges = np.linspace(0, steps, MOST_POINTS - 1)
    inside = edges[:-1] + np.diff(edges) * np.random.default_rng(0).random(MOST_POINTS - 2)
    return np.unique(np.concatenate([[0], inside.astype(np.int64), [steps - 1]]))


def values_axis(axes: Axes) -> None:
    """A few round numbers up the side of a panel."""
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3))


WIDE = 20.0
"""Where the largest of positive values is so many times the smallest, a linear axis shows only the largest."""


def wide_axis(axes: Axes) -> bool:
    """Make the vertical axis logarithmic where positive values are too far apart for another; whether it was."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if values.size == 0 or values.min() <= 0 or values.max() < WIDE * values.min():
        return False
    log_axis(axes)
    return True


def log_axis(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with its numbers written out; the more decades, the fewer of each."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    subs = (1.0, 2.0, 5.0) if high <= 50 * low else (1.0, 3.0) if high <= 500 * low else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fmt(value)))
    axes.yaxis.set_minor_locator(NullLocator())


def scale(axes: Axes) -> str:
    """Label a vertical axis of very small or large values by their digits alone; the power of ten, to stand in a title.

    Call it when the axis has its limits. Matplotlib's own place for the power of ten pushes a panel's title away.
    """
    largest = float(np.abs(axes.get_ylim()).max())
    if not np.isfinite(largest) or 1e-2 <= largest < 1e5 or largest == 0:
        return ""
    power = int(np.floor(np.log10(largest)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10.0**power:g}"))
    return f"× 10{str(power).translate(SUPERSCRIPT)}"


def legend_beside_title(axes: Axes, entries: int) -> None:
    """The panel's legend, above its right end, where it hides no data."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=entries, borderaxespad=0.1, borderpad=0.1,
        columnspacing=1.2, handlelength=2.0,
    )  # fmt: skip

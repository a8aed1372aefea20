"""All phase responses of the laboratory in one figure: a panel a study, every score in units of its seeds' spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.errors import UserError
from lab.reports import style
from lab.reports.study import words
from lab.reports.style import Saved
from lab.reports.words import cycle, fmt
from lab.studies.curves import Curve

COLUMNS = 2
PANEL = 1.85
"""Inches of height."""
LEAST = 1.5
"""Standard deviations above and below that a panel shows at least, so that a flat curve looks flat."""
_TURN = np.linspace(0.0, 1.0, 121)


def draw_responses(curves: Sequence[Curve], out: Path) -> Saved:
    """Draw the curves into ``out/responses.png``.

    Raises:
        UserError: there are none.
    """
    if not curves:
        raise UserError("no phase response has been run, so there is nothing to draw; lab claims lists the studies")
    told = "; ".join(_told(curve) for curve in curves)
    with style.writing(out, "--figure "):
        return style.save(
            responses_figure(curves),
            out,
            "responses",
            "Every phase response",
            f"Small line charts of a score against the offset of one voice, one for each study. {told}.",
            "Up is better. Dots are means over seeds, each seed's own level taken off; the band is their interval, the "
            "line the fitted first harmonic, the shaded stripe the best phase with its interval where the phase was "
            "shown to matter. The triangle is the phase that was expected. One unit is the standard deviation from "
            "seed to seed.",
        )


def _told(curve: Curve) -> str:
    size = f"{2 * curve.amplitude:.1f} standard deviations from trough to peak, p = {fmt(curve.p)}"
    return f"{curve.name}: {size}" + (f", best at {cycle(curve.phase)}" if curve.supported else "")


@style.applied()
def responses_figure(curves: Sequence[Curve]) -> Figure:
    """A panel for each curve; all share the axis of offsets, and each has the units that its curve needs."""
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(style.WIDTH, 1.35 + PANEL * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, curve in zip(grid.flat, curves, strict=False):
        _draw(axes, curve)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    for column in range(columns):  # the lowest panel of a column, which an odd number leaves one row higher
        lowest = [axes for axes in grid[:, column] if axes.get_visible()][-1]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("offset, in cycles ahead")
    figure.supylabel("standard deviations over seeds, up is better", fontsize=11)
    style.headline(figure, "Every phase response: a score against one voice's offset")
    named = [pair for axes in grid.flat for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    once = {label: handle for handle, label in named}
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, curve: Curve) -> None:
    offsets = np.append(curve.offsets, 1.0)
    low, high = (np.append(end, end[0]) for end in curve.intervals.T)  # the cycle closes: 1 is 0 once more
    axes.axhline(0, color="#999999", linewidth=0.8, zorder=1)
    if curve.supported and curve.phase_interval is not None:
        _stripe(axes, curve.phase, curve.phase_interval)
    axes.fill_between(offsets, low, high, color=style.BLUE, alpha=0.22, linewidth=0, zorder=2, label="interval")
    fit = curve.amplitude * np.cos(2 * math.pi * (_TURN - curve.phase))
    axes.plot(_TURN, fit, color=style.VERMILION, linewidth=1.8, zorder=3, label="first harmonic")
    axes.plot(offsets, np.append(curve.means, curve.means[0]), "o", color=style.BLUE, markersize=5,
              markeredgecolor="white", clip_on=False, zorder=4, label="mean over seeds")  # fmt: skip
    reach = max(LEAST, 1.1 * float(np.nanmax(np.abs([low, high]))), 1.1 * curve.amplitude)
    if curve.expected is not None:
        for place in {curve.expected, 1.0} if curve.expected == 0 else {curve.expected}:
            axes.plot(place, -reach, "^", color=style.INK, markersize=7, clip_on=False, zorder=5, label="expected")
    axes.set_ylim(-reach, reach)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "¼", "½", "¾", "1"])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, symmetric=True))
    axes.set_title(curve.name, fontsize=10, pad=17)
    axes.annotate(
        f"{words(curve.metric)}; p = {fmt(curve.p)}", (0.0, 1.0), xycoords="axes fraction", xytext=(0, 4),
        textcoords="offset points", va="bottom", fontsize=9,
    )  # fmt: skip


def _stripe(axes: Axes, phase: float, interval: tuple[float, float]) -> None:
    """The best phase and its interval, which may reach over the end of the cycle."""
    for whole in (-1, 0, 1):
        axes.axvspan(interval[0] + whole, interval[1] + whole, color=style.ORANGE, alpha=0.35, linewidth=0, zorder=0,
                     label="best phase, interval")  # fmt: skip
        axes.axvline(phase + whole, color=style.ORANGE, linewidth=1.6, zorder=1)

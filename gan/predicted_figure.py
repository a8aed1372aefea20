"""A study's cycles by period and offset: the growth that was predicted, what was observed, one against the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan.predicted import Cell, Floats
from lab.reports import style
from lab.reports.style import Saved
from lab.reports.words import capital, fmt

OFFSETS = {0.0: "in phase", 0.25: "¼ ahead", 0.5: "anti-phase", 0.75: "¼ behind"}


@style.applied()
def save_figure(found: Sequence[Cell], score: str, better: str, title: str, said: str, out: Path) -> Saved:
    """Two maps beside each other, and below them a dot for each cycle with the interval of its seeds.

    Args:
        found: cycles, and the constant rates, which are drawn as a line.
        score: what was observed, in words.
        better: "higher" or "lower".
        title: above the figure.
        said: the sentence of the page.
        out: the folder.
    """
    cycles = [cell for cell in found if cell.cycle.modulation > 0]
    growth = np.array([100 * np.nanmedian(cell.predicted) for cell in cycles])
    mean = np.array([np.nanmean(cell.observed) for cell in cycles])
    figure = Figure(figsize=(style.WIDTH, 8.4))
    places = figure.subplot_mosaic([["predicted", "observed"], ["both", "both"]], height_ratios=[1.1, 1.0])
    # Of both maps the bright end is the good one.
    _draw_map(places["predicted"], cycles, growth, f"{style.SEQUENTIAL}_r", "Predicted growth a step, %")
    bright = style.SEQUENTIAL if better == "higher" else f"{style.SEQUENTIAL}_r"
    _draw_map(places["observed"], cycles, mean, bright, capital(f"observed {score}"))
    places["predicted"].set_ylabel("period in steps")
    _draw_pairs(places["both"], found, score)
    style.headline(figure, title)
    figure.legend(loc="outside lower center", ncols=3)
    return style.save(
        figure,
        out,
        "predicted",
        "Predicted and observed",
        f"Two heatmaps by period and offset, of predicted growth and of observed {score}, and a scatter plot of one "
        f"against the other. {said}",
        "The prediction is the growth a step of the turning part of the measured spectrum; each dot is a cycle, the "
        "mean over seeds, its bar the quartiles of them; the dashed line is constant rates.",
    )


def _draw_map(axes: Axes, cycles: Sequence[Cell], values: Floats, colors: str, title: str) -> None:
    periods = sorted({cell.cycle.period for cell in cycles})
    offsets = sorted({cell.cycle.offset for cell in cycles})
    grid = np.full((len(periods), len(offsets)), np.nan)
    for cell, value in zip(cycles, values, strict=True):
        grid[periods.index(cell.cycle.period), offsets.index(cell.cycle.offset)] = value
    image = axes.imshow(grid, cmap=colors, origin="lower", aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            light = sum(image.cmap(image.norm(value))[:3]) > 1.5
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9.5,
                      color=style.INK if light else "white")  # fmt: skip
    axes.set_xticks(range(len(offsets)), [_offset(each) for each in offsets], rotation=30, ha="right")
    axes.set_yticks(range(len(periods)), [f"{period:,}" for period in periods])
    axes.set_title(title, fontsize=10.5)


def _draw_pairs(axes: Axes, found: Sequence[Cell], score: str) -> None:
    for place, offset in enumerate(sorted({cell.cycle.offset for cell in found if cell.cycle.modulation > 0})):
        own = [cell for cell in found if cell.cycle.modulation > 0 and cell.cycle.offset == offset]
        look = style.look(place)
        growth = [100 * float(np.nanmedian(cell.predicted)) for cell in own]
        mean = [float(np.nanmean(cell.observed)) for cell in own]
        for x, cell in zip(growth, own, strict=True):
            axes.plot([x, x], np.nanquantile(cell.observed, [0.25, 0.75]), color=look.color, linewidth=2, alpha=0.4)
        axes.plot(
            growth, mean, look.marker, color=look.color, markersize=8, markeredgecolor="white", label=_offset(offset)
        )
    for cell in found:
        if cell.cycle.modulation == 0:
            level = float(np.nanmean(cell.observed))
            axes.axhline(level, color=style.CONTROL.color, linestyle=(0, (4, 2)), label="constant")
    axes.set(xlabel="predicted growth a step, %", ylabel=capital(score))


def _offset(offset: float) -> str:
    return OFFSETS.get(round(offset, 6), fmt(offset))

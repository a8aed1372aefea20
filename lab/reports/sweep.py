"""A sweep as a picture: the score along one quantity, or over two of them as a map beside how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lab.reports import style
from lab.reports.heatmap import norm_of
from lab.reports.response import FIT, draw_points
from lab.reports.words import fmt

Floats = NDArray[np.float64]
Column = Mapping[str, Any]
ROOM = 50
"""Characters that ticks side by side have room for."""
LOGARITHMIC = 8.0
"""From this ratio of the largest to the smallest of positive values on, an axis is logarithmic."""


@style.applied()
def curve_figure(
    name: str, values: Sequence[float], columns: Sequence[Column | None], label: str, heading: str
) -> Figure:
    """The score against one quantity: every seed, the means with their intervals, joined by a line.

    Args:
        name: of the quantity.
        values: in the order of the arms.
        columns: the score of each arm, as in summary.json; None where it has none.
        label: the score in words.
        heading: written above the figure.
    """
    found = sorted(
        ((value, column) for value, column in zip(values, columns, strict=True) if column), key=lambda pair: pair[0]
    )
    places, drawn = np.array([value for value, _ in found]), [column for _, column in found]
    figure = Figure(figsize=(style.WIDTH, 4.4))
    axes = figure.subplots()
    axes.plot(places, [column["mean"] for column in drawn], color=FIT, linewidth=1.6, zorder=1)
    draw_points(axes, places, drawn)
    if places[0] > 0 and places[-1] / places[0] >= LOGARITHMIC:
        axes.set_xscale("log")
        axes.minorticks_off()
    ticks = [f"{value:g}" for value in places]
    axes.set_xticks(places, ticks, rotation=45 if sum(map(len, ticks)) > ROOM else 0)
    axes.set(xlabel=name, ylabel=label)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=2)
    style.headline(figure, heading)
    return figure


@style.applied()
def map_figure(
    names: Sequence[str],
    values: Sequence[Sequence[float]],
    columns: Sequence[Column | None],
    best: int | None,
    label: str,
    heading: str,
) -> Figure:
    """Two maps below each other, with the numbers in their cells: the mean, and half the width of its interval.

    Args:
        names, values: of both quantities, rows first.
        columns: the score of each arm, row by row; None where it has none.
        best: the place of the best arm, which is framed.
        label: the score in words.
        heading: written above the figure.
    """
    shape = len(values[0]), len(values[1])
    means = np.array([np.nan if c is None else c["mean"] for c in columns]).reshape(shape)
    halves = np.array([np.nan if c is None else _half(c) for c in columns]).reshape(shape)
    figure = Figure(figsize=(style.WIDTH, 2.4 + 2 * max(1.2, 0.42 * shape[0])))
    panels: Sequence[Axes] = list(figure.subplots(2, 1))
    for axes, table, title in zip(
        panels, (means, halves), (f"{label}: mean", "Half the width of its interval"), strict=True
    ):
        _draw_map(axes, table)
        axes.set_title(title)
        axes.set(ylabel=names[0])
        axes.set_yticks(range(shape[0]), [f"{value:g}" for value in values[0]])
        axes.set_xticks(range(shape[1]), [f"{value:g}" for value in values[1]])
    if best is not None:
        row, place = divmod(best, shape[1])
        panels[0].plot([place - 0.5, place + 0.5, place + 0.5, place - 0.5, place - 0.5],
                       [row - 0.5, row - 0.5, row + 0.5, row + 0.5, row - 0.5],
                       color=style.VERMILION, linewidth=3, clip_on=False, zorder=4)  # fmt: skip
    panels[1].set_xlabel(names[1])
    style.headline(figure, heading)
    return figure


def _draw_map(axes: Axes, table: Floats) -> None:
    norm = norm_of([table])
    axes.imshow(table, cmap=style.SEQUENTIAL, norm=norm, aspect="auto")
    colors = ScalarMappable(norm, style.SEQUENTIAL)
    size = 10.5 if table.shape[1] <= 8 else 8.0
    for (row, place), value in np.ndenumerate(table):
        if np.isfinite(value):
            red, green, blue, _ = colors.to_rgba(np.asarray(value))
            ink = style.INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"
            axes.text(place, row, fmt(value), ha="center", va="center", color=ink, fontsize=size)


def _half(column: Column) -> float:
    low, high = column["mean_interval"]
    return np.nan if low is None or high is None else (high - low) / 2

"""A score by difficulty and step, as a picture: where on the way to the target task an agent can do what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from lab.reports import style
from lab.reports.axes import steps_axis
from lab.reports.runs import Arm
from lab.reports.series import Floats, Ints, average

MOST_ARMS = 6


@dataclass(frozen=True)
class Table:
    """Mean score over an arm's runs: ``values`` is float64[levels, steps], NaN where nothing was measured."""

    levels: Floats
    steps: Ints
    values: Floats


def table_of(arm: Arm, prefix: str, suffix: str = "") -> Table | None:
    """The columns ``<prefix><number><suffix>`` of the arm as a table, rows by rising number; None where it has none."""
    names = {name for run in arm.runs for name in run.metrics.names()}
    columns = {name: name[len(prefix) : len(name) - len(suffix)] for name in names if _framed(name, prefix, suffix)}
    by_level = {level: name for name, inside in columns.items() if (level := _number(inside)) is not None}
    curves = {level: average(arm.series(name)) for level, name in sorted(by_level.items())}
    found = {level: curve for level, curve in curves.items() if curve is not None}
    if not found:
        return None
    steps = np.unique(np.concatenate([curve.steps for curve in found.values()]))
    values = np.full((len(found), len(steps)), np.nan)
    for row, curve in zip(values, found.values(), strict=True):
        row[np.searchsorted(steps, curve.steps)] = curve.mean
    return Table(np.array(list(found)), steps, values)


def _framed(name: str, prefix: str, suffix: str) -> bool:
    return name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix) + len(suffix)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@style.applied()
def heatmap(
    arms: Sequence[Arm], prefix: str, overlay: str, unit: str, label: str, overlay_label: str, heading: str = ""
) -> Figure | None:
    """One heatmap for each arm, below each other, on one scale of colours; None where no run has such columns.

    Args:
        arms: at most six are drawn.
        prefix: of the columns that end in a difficulty, e.g. ``evaluation/return/``.
        overlay: a column drawn as a line over the map: the difficulty that the agent trained on.
        unit: what one step is.
        label: what the colour is.
        overlay_label: what the line is, for the legend.
        heading: written above the figure.
    """
    drawn = [(arm, table) for arm in arms if (table := table_of(arm, prefix)) is not None][:MOST_ARMS]
    if not drawn:
        return None
    figure = Figure(figsize=(style.WIDTH, 1.2 + (2.6 if len(drawn) == 1 else 1.75 * len(drawn))))
    grid = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    norm = norm_of([table.values for _, table in drawn])
    for axes, (arm, table) in zip(grid, drawn, strict=True):
        axes.pcolormesh(step_edges(table.steps), edges(table.levels), table.values, cmap=style.SEQUENTIAL, norm=norm)
        _draw_overlay(axes, arm, overlay, overlay_label)
        axes.set(yticks=_ticks(table.levels), ylabel="difficulty")
        if len(drawn) > 1:
            axes.set_title(arm.label)
    steps_axis(grid[-1], max(run.steps for arm, _ in drawn for run in arm.runs), unit)
    figure.colorbar(ScalarMappable(norm, style.SEQUENTIAL), ax=list(grid), pad=0.02, aspect=24).set_label(label)
    handles, labels = grid[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center")
    style.headline(figure, heading)
    return figure


def norm_of(tables: Sequence[Floats]) -> Normalize:
    """One scale of colours for all of them."""
    values = np.concatenate([table[np.isfinite(table)] for table in tables])
    if not len(values):
        return Normalize(0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if low == high:  # one value everywhere is neither the best nor the worst: the middle of the colours
        return Normalize(low - 0.5, high + 0.5)
    return Normalize(low, high)


def _draw_overlay(axes: Axes, arm: Arm, column: str, label: str) -> None:
    curve = average(arm.series(column))
    if curve is None:
        return
    (line,) = axes.plot(curve.steps, curve.mean, color="white", linewidth=2.4, label=label, zorder=3)
    line.set_path_effects([patheffects.Stroke(linewidth=4.6, foreground=style.INK), patheffects.Normal()])


def edges(levels: Floats) -> Floats:
    """The borders of rows around these values: half-way between neighbours, as far outside at the ends."""
    if len(levels) == 1:
        return np.array([levels[0] - 0.1, levels[0] + 0.1])
    middles = (levels[1:] + levels[:-1]) / 2
    return np.concatenate([[2 * levels[0] - middles[0]], middles, [2 * levels[-1] - middles[-1]]])


def step_edges(steps: Ints) -> Floats:
    """The borders of columns: what was measured at a step stands for the steps since the measurement before."""
    first = steps[0] - (steps[1] - steps[0]) if len(steps) > 1 else 0
    return np.concatenate([[max(0, first)], steps]).astype(np.float64)


def _ticks(levels: Floats) -> Floats:
    return levels if len(levels) <= 6 else levels[:: -(-len(levels) // 6)]

"""The figure of recalls: which classes are found at the end, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.reports import style
from lab.reports.axes import steps_axis
from lab.reports.heatmap import Table, edges, step_edges, table_of
from lab.reports.runs import Arm, heading, names
from lab.reports.style import Look, Saved
from lab.reports.words import fmt, short
from lab.supervised.metrics import RECALL, column_words

MOST_LINES = 8
MOST_MAPS = 4
PANEL = 2.0
"""Height of a panel in inches."""
Curve = tuple[str, Table]


def draw_recall(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """Recall by class at the last evaluation, of each arm (of one arm: of each predictor), and below it over steps."""
    tables = [(arm, table) for arm in groups if (table := table_of(arm, f"evaluation/{RECALL}/")) is not None]
    if not tables:
        return []
    curves = [(arm.label, table) for arm, table in tables] if len(tables) > 1 else _predictors(tables[0][0])
    saved = style.save(
        _figure(curves[:MOST_LINES], tables[:MOST_MAPS], heading([arm for arm, _ in tables], "recall of each class")),
        out,
        "recall",
        "Recall of each class",
        f"Recall by class of {names([arm for arm, _ in tables])}, at the last evaluation as lines and over updates as "
        f"maps of colours: {'; '.join(map(_worst, curves[:MOST_LINES]))}.",
        "Recall is the share of a class's held-out samples that are given it. Classes stand in the order of the data, "
        "with the setting imbalance from the most frequent in training to the rarest.",
    )
    return [saved]


def _predictors(arm: Arm) -> list[Curve]:
    """The network of an arm and what its techniques made of it."""
    columns = [name for run in arm.runs for name in run.metrics.names() if name.startswith("evaluation/")]
    words = dict.fromkeys(word for word, name in map(column_words, columns) if name.startswith(f"{RECALL}/"))
    prefixes = {word: "/".join(["evaluation", *([word] if word else []), RECALL, ""]) for word in words}
    found = [(word or "network", table_of(arm, prefix)) for word, prefix in prefixes.items()]
    return [(word, table) for word, table in found if table is not None]


def _worst(curve: Curve) -> str:
    label, table = curve
    last = table.values[:, -1]
    place = int(np.nanargmin(last))
    return f"{label} is worst at class {table.levels[place]:g} with {fmt(float(last[place]))}"


@style.applied()
def _figure(curves: Sequence[Curve], maps: Sequence[tuple[Arm, Table]], title: str) -> Figure:
    figure = Figure(figsize=(style.WIDTH, 0.9 + PANEL * 1.3 + PANEL * len(maps)))
    grid = figure.subplots(1 + len(maps), 1, squeeze=False, height_ratios=[1.3, *[1.0] * len(maps)])[:, 0]
    for place, (label, table) in enumerate(curves):
        _draw_last(grid[0], label, table, style.look(place))
    grid[0].set(xlabel="class", ylabel="recall", ylim=(None, 1.02))
    grid[0].xaxis.set_major_locator(MaxNLocator(10, integer=True))
    norm = Normalize(0.0, 1.0)
    for axes, (arm, table) in zip(grid[1:], maps, strict=True):
        axes.pcolormesh(step_edges(table.steps), edges(table.levels), table.values, cmap=style.SEQUENTIAL, norm=norm)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set(ylabel="class", title=short(arm.label, 56) if len(maps) > 1 else "")
        steps_axis(axes, max(run.steps for run in arm.runs), "update")
    figure.colorbar(ScalarMappable(norm, style.SEQUENTIAL), ax=list(grid[1:]), pad=0.02, aspect=24).set_label("recall")
    handles, _ = grid[0].get_legend_handles_labels()
    style.headline(figure, title, handles if len(handles) > 1 else ())
    return figure


def _draw_last(axes: Axes, label: str, table: Table, look: Look) -> None:
    axes.plot(
        table.levels, table.values[:, -1], label=short(label, 40), color=look.color, linestyle=look.line,
        marker=look.marker, markersize=4.5, clip_on=False,
    )  # fmt: skip

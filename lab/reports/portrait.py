"""The phase portrait: one quantity against another, coloured by the clock's phase, with the mean cycle drawn on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lab.reports import style
from lab.reports.runs import Arm, RunData
from lab.reports.series import Floats, Ints, smooth
from lab.reports.words import short

MOST_ARMS = 6
_BINS = 24
_MOST_POINTS = 1500


@dataclass(frozen=True)
class Path2D:
    """A run's path in the plane: steps, phase of the clock, cycle, x, y; all of one length, finite."""

    steps: Ints
    phase: Floats
    cycle: Ints
    x: Floats
    y: Floats

    @property
    def settled(self) -> NDArray[np.bool_]:
        """The rows after the first cycle, the transient; all of them until there are as many rows after it as in it."""
        first = self.cycle == self.cycle.min()
        return ~first if 2 * first.sum() <= len(first) else np.ones_like(first)


def path_of(run: RunData, x: str, y: str) -> Path2D | None:
    """The rows that have both columns, smoothed over a twentieth of a cycle; None where there are fewer than three."""
    steps_x, values_x = run.series(x)
    steps_y, values_y = run.series(y)
    steps, of_x, of_y = np.intersect1d(steps_x, steps_y, return_indices=True)
    if len(steps) < 3:
        return None
    # A row's value is the mean since the row before: it belongs to the middle of that stretch.
    middles = np.maximum((steps + np.r_[0, steps[:-1]]) // 2, 0)
    position = run.clock.position(middles)
    rows_per_cycle = len(steps) / max(1, len(np.unique(position.cycle)))
    window = int(rows_per_cycle / 20)
    a, b = smooth(values_x[of_x], window), smooth(values_y[of_y], window)
    keep = np.isfinite(a) & np.isfinite(b)
    if keep.sum() < 3:
        return None
    return Path2D(
        steps[keep], np.asarray(position.phase)[keep] % 1.0, np.asarray(position.cycle)[keep], a[keep], b[keep]
    )


def mean_cycle(paths: Sequence[Path2D]) -> tuple[Floats, Floats, Floats] | None:
    """Phase, x and y of the mean cycle of all paths; None where there are too few cycles, or rows in them.

    The first cycle is a transient and left out.
    """
    late = [path for path in paths if not path.settled.all()]
    if not late:
        return None
    kept = [path.settled for path in late]
    bins = int(min(_BINS, np.median(np.unique(late[0].cycle[kept[0]], return_counts=True)[1])))
    if bins < 4:
        return None
    phase, x, y = (
        np.concatenate([values[rows] for values, rows in zip(columns, kept, strict=True)])
        for columns in ([p.phase for p in late], [p.x for p in late], [p.y for p in late])
    )
    place = np.minimum((phase * bins).astype(int), bins - 1)
    found = [rows for index in range(bins) if (rows := place == index).any()]
    means = [np.array([values[rows].mean() for rows in found], dtype=np.float64) for values in (phase, x, y)]
    return means[0], means[1], means[2]


@style.applied()
def portrait(arms: Sequence[Arm], x: str, y: str, x_label: str, y_label: str, heading: str = "") -> Figure | None:
    """The phase portrait of each arm, side by side on equal axes; None where no run has both columns.

    Args:
        arms: at most six are drawn; of each, every seed's path and the mean cycle of its first seed's run.
        x, y: columns of the metrics log.
        x_label, y_label: their words.
        heading: written above the figure.
    """
    drawn = [(arm, paths) for arm in arms if (paths := [p for run in arm.runs if (p := path_of(run, x, y))])]
    if not drawn:
        return None
    figure, panels = planes([arm.label for arm, _ in drawn], [paths for _, paths in drawn], x_label, y_label)
    for axes, (_, paths) in zip(panels, drawn, strict=False):
        _draw(axes, paths)
    style.headline(figure, heading)
    return figure


def planes(
    labels: Sequence[str], paths: Sequence[Sequence[Path2D]], x_label: str, y_label: str
) -> tuple[Figure, list[Axes]]:
    """A figure of empty planes on equal axes, one an arm, with the key to the colours of the clock's phase.

    Args:
        labels: of the arms; at most six get a plane.
        paths: of each, which decide what the axes show.
        x_label, y_label: their words.
    """
    drawn = list(zip(labels, paths, strict=True))[:MOST_ARMS]
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    height = 5.0 if columns == 1 else 0.8 + 2.9 * rows
    figure = Figure(figsize=(style.WIDTH, height))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(drawn) :]:
        axes.set_visible(False)
    across, up = limits([path for _, each in drawn for path in each])
    grid.flat[0].set(xlim=across, ylim=up)
    for axes, (label, _) in zip(grid.flat, drawn, strict=False):
        if len(labels) > 1:
            axes.set_title(short(label, 28), fontsize=10.5)
    figure.supxlabel(x_label, fontsize=11)
    figure.supylabel(y_label, fontsize=11)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), style.CYCLIC),
        ax=list(grid.flat),
        ticks=[0, 0.25, 0.5, 0.75, 1],
        aspect=32,
        pad=0.02,
    )
    bar.ax.set_yticklabels(["0", "¼", "½", "¾", "1"])
    bar.set_label("phase of the master clock")
    return figure, list(grid.flat[: len(drawn)])


def _draw(axes: Axes, paths: Sequence[Path2D]) -> None:
    loop = mean_cycle(paths)
    for path in paths:
        thin = slice(None, None, -(-len(path.steps) // _MOST_POINTS))
        _coloured(axes, path.x[thin], path.y[thin], path.phase[thin], 1.1, 0.9 if loop is None else 0.6)
    if loop is not None:
        phase, x, y = (np.concatenate([values, values[:1]]) for values in loop)
        axes.plot(x, y, color="white", linewidth=5.5, zorder=3)
        _coloured(axes, x, y, phase, 3.4, 1.0)
    if len(paths) == 1:
        _mark(axes, paths[0].x[0], paths[0].y[0], "o", "white", "start")
        _mark(axes, paths[0].x[-1], paths[0].y[-1], "s", style.INK, "end")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", handlelength=1.0)


def _mark(axes: Axes, x: float, y: float, marker: str, face: str, label: str) -> None:
    """Mark an end of the path, unless it lies out of the picture."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    if left <= x <= right and bottom <= y <= top:
        axes.plot(x, y, marker, color=style.INK, markerfacecolor=face, markersize=7.5, label=label, zorder=6)


def _coloured(axes: Axes, x: Floats, y: Floats, phase: Floats, width: float, alpha: float) -> None:
    lines = LineCollection(list(pieces(x, y)), cmap=style.CYCLIC, norm=Normalize(0, 1), linewidth=width, alpha=alpha)
    lines.set_array(phase[:-1])
    lines.set_zorder(4 if width > 2 else 2)
    axes.add_collection(lines)


def pieces(x: Floats, y: Floats) -> Floats:
    """A path as straight pieces, float64[n − 1, 2, 2]."""
    points = np.stack([x, y], axis=1)
    return np.stack([points[:-1], points[1:]], axis=1)


def limits(paths: Sequence[Path2D]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Left and right, bottom and top of a plane that shows what comes after the first cycle of each path.

    Of the first, the transient, as much is shown as leaves that readable.
    """
    late = [path.settled for path in paths]
    found = []
    for every in ([p.x for p in paths], [p.y for p in paths]):
        settled = np.concatenate([values[rows] for values, rows in zip(every, late, strict=True)])
        low, high = (float(value) for value in np.quantile(settled, [0.005, 0.995]))
        reach = 0.4 * (high - low) or 0.5
        least, most = min(float(values.min()) for values in every), max(float(values.max()) for values in every)
        margin = 0.1 * reach
        found.append((max(low - reach, least) - margin, min(high + reach, most) + margin))
    return found[0], found[1]

"""Maps of where GANs train: for each arm, the share of its seeds that train in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gan.region.config import Cell, Region
from lab.reports import style
from lab.reports.runs import arms, read_run
from lab.reports.style import Saved
from lab.training.config import resolve

ACROSS = 3
"""Maps beside each other."""

Scores = Mapping[str, float]
"""Means over the last whole cycle by column, ``good@CELL`` and ``modes@CELL``, of one seed."""


def draw(runs: Sequence[Path], out: Path) -> list[Saved]:
    """Draw one map of these runs into ``out``; runs that differ only in their seed share a panel."""
    groups = arms([read_run(path) for path in runs])
    region = resolve(Region, groups[0].first.config.get("region", {}))
    found = {arm.label: [_last_means(run.metrics.rows) for run in arm.runs] for arm in groups}
    return [save_maps(found, region, out)]


def trained(scores: Sequence[Scores], region: Region) -> NDArray[np.float64]:
    """The share of seeds that train in each cell, float64[rates, ratios]."""
    least = region.success

    def share(cell: Cell) -> float:
        return float(
            np.mean([s[f"good@{cell.name}"] >= least.good and s[f"modes@{cell.name}"] >= least.modes for s in scores])
        )

    return np.array([share(cell) for cell in region.cells()]).reshape(len(region.rates), len(region.ratios))


@style.applied()
def save_maps(found: Mapping[str, Sequence[Scores]], region: Region, out: Path) -> Saved:
    """One panel an arm."""
    maps = {label: trained(scores, region) for label, scores in found.items()}
    across = min(ACROSS, len(maps))
    down = -(-len(maps) // across)
    figure = Figure(figsize=(style.WIDTH, 0.9 + 2.1 * down))
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(maps) :]:
        axes.set_visible(False)
    for axes, (label, values) in zip(grid.flat, maps.items(), strict=False):
        _draw_map(axes, values, region)
        axes.set_title(f"{label}\n{values.mean():.0%}", fontsize=10)
    for axes in grid.flat[max(len(maps) - across, 0) : len(maps)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("ratio D / G")
    for row in grid:
        row[0].set_ylabel("rate of G")
    style.headline(figure, "Share of seeds that train, by learning rates")
    words = "; ".join(f"{label}: {values.mean():.0%} of the cells" for label, values in maps.items())
    return style.save(
        figure,
        out,
        "region",
        "Where it trains",
        f"Heatmaps by the generator's learning rate and the discriminator's as a multiple of it. {words}.",
        f"A cell is trained where the averaged generator covers {region.success.modes:g} modes and "
        f"{region.success.good:.0%} of its samples are good, in the mean over the last whole cycle.",
    )


def _draw_map(axes: Axes, values: NDArray[np.float64], region: Region) -> None:
    axes.imshow(values, cmap=style.SEQUENTIAL, vmin=0, vmax=1, origin="lower", aspect="auto")
    axes.set_xticks(range(len(region.ratios)), [f"{ratio:g}" for ratio in region.ratios])
    axes.set_yticks(range(len(region.rates)), [f"{rate:g}" for rate in region.rates])
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f"{value:.1g}", ha="center", va="center", color="white" if value < 0.6 else style.INK)


def _last_means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of every score over the evaluations of the last cycle in the log."""
    evaluated = [row for row in rows if "evaluation/trained" in row]
    last = max((row.get("clock/cycle", 0.0) for row in evaluated[:-1]), default=0.0)
    inside = [row for row in evaluated[1:] if row.get("clock/cycle", 0.0) >= last] or evaluated
    names = [name for name in evaluated[-1] if name.startswith("evaluation/")]
    return {name.removeprefix("evaluation/"): float(np.mean([row[name] for row in inside])) for name in names}

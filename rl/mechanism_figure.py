"""Curvature and gradient noise of a study's arms: against difficulty on the left, against time on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.reports import style
from lab.reports.axes import log_axis
from lab.reports.style import Look, Saved
from rl.mechanism import Floats, Track

BINS = np.linspace(0.0, 1.0, 9)
MOST_ARMS = 8


@style.applied()
def save_figure(found: Sequence[Track], title: str, out: Path) -> Saved:
    """Medians over runs and evaluations in eighths of the axis, with the quartiles as a band, on a logarithmic axis."""
    arms = list(dict.fromkeys(track.arm for track in found))[:MOST_ARMS]
    figure = Figure(figsize=(style.WIDTH, 6.2))
    grid = figure.subplots(2, 2, sharey="row", sharex="col")
    looks = {arm: style.look(place) for place, arm in enumerate(arms)}
    for (left, right), of in zip(grid, ("curvature", "noise"), strict=True):
        for arm in arms:
            own = [track for track in found if track.arm == arm]
            moving = [track for track in own if track.changes]
            if moving:
                _draw(left, moving, "difficulty", of, looks[arm])
            _draw(right, own, "progress", of, looks[arm])
        for axes in (left, right):
            log_axis(axes)
    grid[0, 0].set_title("Curvature by difficulty")
    grid[0, 1].set_title("Curvature over the run")
    grid[1, 0].set_title("Noise by difficulty")
    grid[1, 1].set_title("Noise over the run")
    grid[1, 0].set_xlabel("difficulty trained on")
    grid[1, 1].set_xlabel("share of the run's steps")
    handles = [
        Line2D([], [], color=look.color, linestyle=look.line, marker=look.marker, label=arm)
        for arm, look in looks.items()
    ]
    style.headline(figure, title, handles)
    return style.save(
        figure,
        out,
        "curvature",
        "Curvature and gradient noise",
        f"Line charts of the leading curvature and of the gradient noise of the policy's loss, by difficulty and over "
        f"the run, for {', '.join(arms)}.",
        "Medians over runs and evaluations in eighths of the axis; bands are quartiles. Arms whose difficulty stands "
        "still are on the right alone.",
    )


def _draw(axes: Axes, own: Sequence[Track], by: str, of: str, look: Look) -> None:
    places = np.concatenate([getattr(track, by) for track in own])
    values = np.concatenate([getattr(track, of) for track in own])
    bins = np.clip(np.digitize(places, BINS) - 1, 0, len(BINS) - 2)
    there = [place for place in range(len(BINS) - 1) if (values[bins == place] > 0).any()]
    middle = [float(np.median(places[bins == place])) for place in there]
    low, mid, high = np.array([_quartiles(values[bins == place]) for place in there]).T
    axes.fill_between(middle, low, high, color=look.color, alpha=0.12, linewidth=0)
    axes.plot(middle, mid, color=look.color, linestyle=look.line, marker=look.marker, markersize=4)


def _quartiles(values: Floats) -> Floats:
    """Of those above 0, as the axis is logarithmic."""
    quartiles: Floats = np.quantile(values[values > 0], [0.25, 0.5, 0.75])
    return quartiles

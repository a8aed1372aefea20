"""The figure of what swings in a run: how much lies at each period, and how large each cycle's swing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lab.diagnostics.oscillation import CYCLES, amplitudes, spectrum
from lab.reports import style
from lab.reports.axes import log_axis, step_text
from lab.reports.panels import looks
from lab.reports.runs import Arm, heading, names
from lab.reports.study import phrase
from lab.reports.style import Saved
from lab.reports.swings import Evenly, one_period, settled, watched
from lab.reports.words import capital
from lab.training import plugins

TITLE = "Swings of losses and outputs"


def draw_swings(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """Draw the swings of the first run of each arm; nothing where no log is long enough."""
    columns = list(dict.fromkeys(column for arm in groups for column in watched(arm.first)))
    if not any(spectrum(settled(arm.first, column).values) for arm in groups for column in columns):
        return []
    one = len(groups) == 1
    figure = _of_one(groups[0], columns) if one else _of_several(groups, columns)
    below = (
        " Below, the amplitude of each cycle of the clock: straight lines that rise are swings that grow."
        if one
        else ""
    )
    seeds = "" if all(len(arm.runs) == 1 for arm in groups) else " Of several seeds the first is drawn."
    return [
        style.save(
            figure,
            out,
            "swings",
            TITLE,
            f"Line charts of the share of variance at each period for {', '.join(map(phrase, columns))}, of "
            f"{names(groups)}.",
            "How much of the variance around the trend lies at each period. The dashed line is the clock's cycle: a "
            "peak there follows the clock, one elsewhere is the training's own. On the grey, periods that come back "
            f"fewer than three times in the log.{below}{seeds}",
        )
    ]


@style.applied()
def _of_one(arm: Arm, columns: Sequence[str]) -> Figure:
    evens = {column: even for column in columns if spectrum((even := settled(arm.first, column)).values)}
    period = one_period(arm.first, next(iter(evens.values())).steps)
    sizes = {}
    for column, even in evens.items():
        found = None if period is None else amplitudes(even.values, period, even.spacing)
        if found is not None and found.all():
            sizes[column] = found
    figure = Figure(figsize=(style.WIDTH, 5.4 if sizes else 3.4))
    grid = figure.subplots(2 if sizes else 1, 1, squeeze=False)[:, 0]
    for place, (column, even) in enumerate(evens.items()):
        color, dash = _look(column, place)
        _spectrum(grid[0], even, color, dash, phrase(column))
        if column in sizes and period is not None:
            middles = even.steps[0] + (np.arange(len(sizes[column])) + 0.5) * period
            grid[1].plot(middles, sizes[column], color=color, linestyle=dash, marker="o", markersize=5)
    _finish(grid[0], list(evens.values()), period, "Share of the variance at each period")
    grid[0].set_xlabel(_unit("period", arm))
    grid[0].legend(fontsize=9.5, loc="best")
    if sizes:
        grid[1].set_title("Amplitude in each cycle of the clock (log)")
        grid[1].set_xlabel(_unit("step", arm))
        grid[1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
        log_axis(grid[1])
    style.headline(figure, heading([arm], "what swings"))
    return figure


@style.applied()
def _of_several(groups: Sequence[Arm], columns: Sequence[str]) -> Figure:
    figure = Figure(figsize=(style.WIDTH, 1.0 + 1.7 * len(columns) + 0.25 * len(groups)))
    grid = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    handles = {}
    for axes, column in zip(grid, columns, strict=True):
        drawn, periods = [], set()
        for arm, look in zip(groups, looks(groups), strict=True):
            even = settled(arm.first, column)
            if spectrum(even.values):
                handles[arm.label] = _spectrum(axes, even, look.color, look.line, arm.label)
                drawn.append(even)
                periods.add(one_period(arm.first, even.steps))
        _finish(axes, drawn, periods.pop() if len(periods) == 1 else None, capital(phrase(column)))
    grid[-1].set_xlabel(_unit("period", groups[0]))
    style.headline(figure, "What swings: share of the variance at each period", list(handles.values()))
    return figure


def _spectrum(axes: Axes, even: Evenly, color: str, dash: Any, label: str) -> Any:
    found = spectrum(even.values, even.spacing)
    assert found is not None
    (line,) = axes.plot(*found, color=color, linestyle=dash, label=label, linewidth=1.8)
    return line


def _look(column: str, place: int) -> tuple[str, Any]:
    """A player's loss keeps its player's colour; what has none gets that of its place."""
    role = style.role_color(column, "")
    return (role, "-") if role else (style.look(place + 2).color, style.look(place + 2).line)


def _finish(axes: Axes, drawn: Sequence[Evenly], period: float | None, title: str) -> None:
    axes.set_title(title)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_ylim(bottom=0)
    if drawn:
        least, most = 2 * min(even.spacing for even in drawn), max(len(even.steps) * even.spacing for even in drawn)
        axes.axvspan(most / CYCLES, most, color=style.SHADE, linewidth=0, zorder=0)
        axes.set_xlim(least, most)
    if period is not None:
        axes.axvline(period, color=style.INK, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)


def _unit(word: str, arm: Arm) -> str:
    return f"{word} ({plugins.trainer(arm.first.trainer).step_unit}s)"

"""The figure of what swings in a run: how much lies at each period, and how large each cycle's swing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lab.diagnostics.oscillation import CYCLES, amplitudes, spectrum
from lab.reports import style
from lab.reports.axes import log_axis, step_text
from lab.reports.evenly import Evenly, settled
from lab.reports.panels import looks
from lab.reports.runs import Arm, heading, names
from lab.reports.study import phrase
from lab.reports.style import Saved
from lab.reports.swings import Pace, paces, watched
from lab.reports.words import capital

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
            "How much of the variance around the trend lies at each period. Dashed lines are what is set to move: "
            f"{_set(groups, columns)}. A peak there follows it, one elsewhere is the training's own. On the grey, "
            f"periods that come back fewer than three times in the log.{below}{seeds}",
        )
    ]


def _set(groups: Sequence[Arm], columns: Sequence[str]) -> str:
    """Whose period each dashed line is, in words."""
    words: dict[str, list[str]] = {}
    for arm in groups:
        for each in _paces(arm, columns):
            period = f"{each.period:,.0f} of {each.name}"
            words.setdefault(period, []).append(arm.label)
    said = [each if len(of) == len(groups) else f"{each} ({', '.join(of)})" for each, of in words.items()]
    return ", ".join(said) or "none, as no cycles are alike"


def _paces(arm: Arm, columns: Sequence[str]) -> list[Pace]:
    """What is set to move in an arm, over the steps of the first column that is drawn."""
    for column in columns:
        even = settled(arm.first, column)
        if spectrum(even.values):
            return paces(arm.first, even.steps)[0]
    return []


@style.applied()
def _of_one(arm: Arm, columns: Sequence[str]) -> Figure:
    evens = {column: even for column in columns if spectrum((even := settled(arm.first, column)).values)}
    known = _paces(arm, columns)
    period = next((each.period for each in known if each.clock), None)
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
    lines = {each.period: style.INK for each in known}
    _finish(grid[0], list(evens.values()), lines, "Share of the variance at each period")
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
    lines: dict[float, str] = {}
    for arm, look in zip(groups, looks(groups), strict=True):
        for each in _paces(arm, columns):  # one that is not of this arm alone has no arm's colour
            lines[each.period] = style.INK if each.period in lines else look.color
    for axes, column in zip(grid, columns, strict=True):
        drawn = []
        for arm, look in zip(groups, looks(groups), strict=True):
            even = settled(arm.first, column)
            if spectrum(even.values):
                handles[arm.label] = _spectrum(axes, even, look.color, look.line, arm.label)
                drawn.append(even)
        _finish(axes, drawn, lines, capital(phrase(column)))
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


def _finish(axes: Axes, drawn: Sequence[Evenly], lines: Mapping[float, str], title: str) -> None:
    axes.set_title(title)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_ylim(bottom=0)
    if drawn:
        least, most = 2 * min(even.spacing for even in drawn), max(even.length for even in drawn)
        axes.axvspan(most / CYCLES, most, color=style.SHADE, linewidth=0, zorder=0)
        axes.set_xlim(least, most)
    for period, color in lines.items():
        axes.axvline(period, color=color, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)


def _unit(word: str, arm: Arm) -> str:
    return f"{word} ({arm.first.plugin.step_unit}s)"

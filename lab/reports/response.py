"""The phase-response curve of a study: the score against the offset of one voice, along an axis and around a circle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from lab.reports import style

Floats = NDArray[np.float64]
COLOR, FIT = style.BLUE, style.VERMILION
_TURN = np.linspace(0.0, 1.0, 181)


@style.applied()
def response_figure(
    response: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], higher: bool, label: str, heading: str
) -> Figure:
    """Both views of one curve.

    Args:
        response: as in summary.json: offsets, level, amplitude, phase and its interval, p.
        columns: the score of each offset's arm, as in summary.json: mean, mean_interval, values by seed.
        higher: whether more is better.
        label: the score in words.
        heading: written above the figure.
    """
    figure = Figure(figsize=(style.WIDTH, 7.6))
    places: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.15))
    plain_place, polar_place = places
    offsets = np.asarray(response["offsets"], dtype=np.float64)
    plain = plain_place.subplots()
    draw_curve(plain, offsets, columns, response, higher)
    plain.set(xlabel=f"offset of {response['voice']}, in cycles ahead", ylabel=label)
    polar: Any = polar_place.subplots(subplot_kw={"projection": "polar"})
    _draw_polar(polar, offsets, columns, response, higher)
    polar_place.legend(*plain.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.headline(figure, heading)
    return figure


def draw_curve(
    axes: Axes, offsets: Floats, columns: Sequence[Mapping[str, Any]], response: Mapping[str, Any], higher: bool
) -> None:
    """Every seed, the means with their intervals, the fitted harmonic, and the best phase with its interval.

    Args:
        axes: along which the offset goes from left to right.
        offsets, columns, response, higher: as for :func:`response_figure`.
    """
    _draw_best(axes, response, 1.0)
    draw_points(axes, offsets, columns)
    axes.plot(_TURN, _fit(response, _TURN, higher), color=FIT, zorder=4, label="first harmonic")
    axes.set_xlim(-0.05, 1.0)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)


def draw_points(axes: Axes, places: Floats, columns: Sequence[Mapping[str, Any]]) -> None:
    """Every seed of every arm, and the means with their intervals.

    Args:
        axes: along which the arms stand at ``places``.
        places: float64[arms].
        columns: the score of each arm, as in summary.json.
    """
    for number, (place, column) in enumerate(zip(places, columns, strict=True)):
        values = np.asarray(list(column["values"].values()), dtype=np.float64)
        name = "_" if number else "one seed"
        axes.plot(np.full(len(values), place), values, "o", color=COLOR, alpha=0.3, markersize=4.5,
                  markeredgewidth=0, zorder=2, label=name)  # fmt: skip
        if None not in column["mean_interval"]:
            axes.plot([place] * 2, column["mean_interval"], color=COLOR, linewidth=3.5, alpha=0.7, zorder=3)
    means = [column["mean"] for column in columns]
    axes.plot(places, means, "o", color=COLOR, markersize=9, markeredgecolor="white", zorder=5,
              label="mean over seeds, interval")  # fmt: skip


def _draw_best(axes: Axes, response: Mapping[str, Any], turn: float) -> None:
    """The best phase and its interval, where the data narrow it; an interval may reach over the end of the cycle."""
    interval = response["phase_interval"]
    if interval is None:
        return
    for whole in (-1, 0, 1):
        low, high = ((end + whole) * turn for end in interval)
        name = "best phase, interval" if whole == 0 else "_"
        axes.axvspan(low, high, color=style.ORANGE, alpha=0.25, linewidth=0, zorder=0, label=name)
        axes.axvline((response["phase"] + whole) * turn, color=style.ORANGE, linewidth=2, zorder=1)


def _draw_polar(
    axes: PolarAxes, offsets: Floats, columns: Sequence[Mapping[str, Any]], response: Mapping[str, Any], higher: bool
) -> None:
    """The angle is the offset, clockwise from the top; the distance from the centre is the score."""
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    means = np.array([column["mean"] for column in columns], dtype=np.float64)
    ends = [end for column in columns for end in column["mean_interval"] if end is not None]
    fit = _fit(response, _TURN, higher)
    low, high = min([*ends, *means, *fit]), max([*ends, *means, *fit])
    margin = 0.25 * (high - low) or abs(high) or 1.0
    angles = 2 * math.pi * offsets
    interval = response["phase_interval"]
    if interval is not None:
        begin, end = (float(each) for each in interval)
        arc = np.linspace(begin, end, 60) * 2 * math.pi
        axes.fill_between(arc, low - margin, high + 0.1 * margin, color=style.ORANGE, alpha=0.25, linewidth=0)
        axes.plot([2 * math.pi * response["phase"]] * 2, [low - margin, high + 0.1 * margin], color=style.ORANGE)
    for angle, column in zip(angles, columns, strict=True):
        if None not in column["mean_interval"]:
            axes.plot([angle] * 2, column["mean_interval"], color=COLOR, linewidth=3, alpha=0.6)
    axes.plot(angles, means, "o", color=COLOR, markersize=8, markeredgecolor="white", zorder=4)
    axes.plot(2 * math.pi * _TURN, fit, color=FIT, zorder=3)
    axes.set_ylim(low - margin, high + 0.1 * margin)
    axes.set_thetagrids([0, 45, 90, 135, 180, 225, 270, 315],
                        ["0", "⅛", "¼", "⅜", "½", "⅝", "¾", "⅞"])  # fmt: skip
    axes.yaxis.set_major_locator(_few())
    axes.set_rlabel_position(67.5)
    axes.tick_params(axis="y", labelsize=9)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)


def _fit(response: Mapping[str, Any], phases: Floats, higher: bool) -> Floats:
    swing = np.cos(2 * math.pi * (phases - response["phase"]))
    return np.asarray(response["level"] + (1 if higher else -1) * response["amplitude"] * swing)

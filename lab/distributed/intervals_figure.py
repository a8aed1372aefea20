"""`lab distributed intervals`: a study's score against the interval between averages, a line for each way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.errors import UserError
from lab.reports import style
from lab.reports.study import StudyData, read_study, words
from lab.reports.style import Look, Saved
from lab.reports.words import capital, fmt
from lab.studies.model import Study, load_study
from lab.studies.statistics import bootstrap_interval

INTERVAL = "voices.sync_every"
"""What the arms of one line differ in."""
AVERAGES = "averages.last"
"""The column that says how often workers were averaged."""
APART = 1.035
"""By which points of one interval are drawn beside each other."""
Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Line:
    """Arms that differ in the interval alone, by rising interval.

    Attributes:
        name: what their names have before the last dash, else the first one's name.
        arms: their names.
        averages: how often each averaged in its run, means over seeds.
    """

    name: str
    arms: Sequence[str]
    averages: Sequence[float]


def lines_of(stated: Study, study: StudyData) -> list[Line]:
    """The lines of a study, in the order of its arms.

    Raises:
        UserError: no two arms differ in the interval alone, or the study does not show how often they averaged.
    """
    if any(AVERAGES not in columns for columns in study.arms.values()):
        raise UserError(f"{study.path}: not all arms have the column {AVERAGES!r}; name it under the study's columns")
    ways: dict[str, list[str]] = {}
    for arm in study.arms:
        rest = dict(stated.arms[arm])
        rule = isinstance(rest.pop(INTERVAL, None), Mapping)  # an interval that follows a rule is another way
        ways.setdefault(json.dumps([rule, rest], sort_keys=True), []).append(arm)
    if all(len(arms) == 1 for arms in ways.values()):
        raise UserError(f"{study.path}: no two of its arms differ in {INTERVAL} alone")
    return [_line(arms, study) for arms in ways.values()]


def _line(arms: Sequence[str], study: StudyData) -> Line:
    averages = {arm: float(study.arms[arm][AVERAGES]["mean"]) for arm in arms}
    ordered = sorted(arms, key=lambda arm: -averages[arm])
    stems = {arm.rpartition("-")[0] for arm in ordered}  # offset-8, offset-64: offset
    name = stems.pop() if len(ordered) > 1 and len(stems) == 1 else ""
    return Line(name or ordered[0], ordered, [averages[arm] for arm in ordered])


def save_intervals(path: Path, out: Path) -> Saved:
    """Draw it.

    Args:
        path: of a study of the trainer ``distributed``.
        out: a folder, made if missing.

    Raises:
        UserError: as by :func:`lines_of`, or there is no such study.
    """
    study = read_study(path)
    lines = lines_of(load_study(path / "study.yaml"), study)
    control = next((line for line in lines if study.control in line.arms), lines[0])
    told = "; ".join(
        f"{line.name} " + ", ".join(fmt(study.arms[arm][study.metric]["mean"]) for arm in line.arms) for line in lines
    )
    return style.save(
        intervals_figure(study, lines, control),
        out,
        "intervals",
        "The interval between averages",
        f"The mean {words(study.metric)} by how often workers are averaged in the run, from often to seldom: {told}.",
        f"Left: means over seeds with their intervals. Right: the same minus {control.name} that is averaged about as "
        "often, of paired seeds. Points of one interval stand beside each other. Not all of these differences "
        "were tested.",
    )


@style.applied()
def intervals_figure(study: StudyData, lines: Sequence[Line], control: Line) -> Figure:
    """Two panels: the score, and what it is more than the control's."""
    figure = Figure(figsize=(style.WIDE, 5.2))
    scores, differences = figure.subplots(1, 2)
    handles = []
    for place, line in enumerate(lines):
        look = style.CONTROL if line is control else style.look(place)
        shift = APART ** (place - (len(lines) - 1) / 2)
        columns = [study.arms[arm][study.metric] for arm in line.arms]
        means = [float(column["mean"]) for column in columns]
        handles += _draw(scores, line, means, [column["mean_interval"] for column in columns], look, shift)
        if line is not control:
            pairs = [
                _difference(study, arm, _nearest(control, n)) for arm, n in zip(line.arms, line.averages, strict=True)
            ]
            _draw(differences, line, [mean for mean, _ in pairs], [ends for _, ends in pairs], look, shift)
    differences.axhline(0, color=style.CONTROL.color, linewidth=1.6, zorder=1)
    for axes in (scores, differences):
        axes.set_xscale("log", base=2)
        axes.invert_xaxis()
        axes.set_xticks(control.averages, [f"{count:,.0f}" for count in control.averages])
        axes.minorticks_off()
        axes.set_xlabel("averages in the run")
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    scores.set_ylabel(capital(words(study.metric)))
    differences.set_ylabel(f"… minus {control.name}")
    style.headline(figure, study.title, handles)
    return figure


def _draw(
    axes: Axes,
    line: Line,
    means: Sequence[float],
    intervals: Sequence[Sequence[float | None]],
    look: Look,
    shift: float,
) -> list[Any]:
    places = [count * shift for count in line.averages]
    for place, (low, high) in zip(places, intervals, strict=True):
        if low is not None and high is not None:
            axes.plot([place] * 2, [low, high], color=look.color, linewidth=2.6, alpha=0.55, zorder=2)
    return axes.plot(
        places, means, color=look.color, linestyle=look.line, linewidth=1.4, marker=look.marker, markersize=6,
        markeredgecolor="white", markeredgewidth=0.6, zorder=3, label=line.name,
    )  # fmt: skip


def _nearest(control: Line, averages: float) -> str:
    """The control that was averaged about as often, by ratio."""
    return min(zip(control.arms, control.averages, strict=True), key=lambda pair: abs(np.log(pair[1] / averages)))[0]


def _difference(study: StudyData, treatment: str, control: str) -> tuple[float, Ends]:
    """The mean over the seeds that both have, and its interval."""
    ours, theirs = (study.arms[arm][study.metric]["values"] for arm in (treatment, control))
    pairs = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
    if not pairs.size:
        return float("nan"), (None, None)
    return float(pairs.mean()), bootstrap_interval(
        pairs, confidence=1 - study.summary["alpha"], rng=np.random.default_rng(0)
    )

"""A study's figures: every seed of every arm, the paired differences behind the verdict, and learning curves by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.reports import style
from lab.reports.panels import BAND, Line, Panel, stack
from lab.reports.response import response_figure
from lab.reports.runs import Arm, names, read_run
from lab.reports.study import LAST, StudyData, read_study, words
from lab.reports.style import Look, Saved
from lab.reports.sweep import curve_figure, map_figure
from lab.reports.words import capital, fmt, span
from lab.training import plugins

MOST_COLUMNS, MOST_ROWS = 6, 42
"""Of the many scores of many arms, the metric and those beside it that fit on a page; summary.md has them all."""
MOST_CURVES = 16
"""Arms whose curves can be told apart; of more only those that are compared are drawn."""
CURVE_HEIGHT = 2.0
"""Of a panel of learning curves, relative to a plain one: tall enough to tell eight arms apart on a phone."""
WIDEST = 68
"""Characters of a comparison that a line has room for; a longer one is written smaller."""


def study_figures(study_dir: Path, out: Path) -> list[Saved]:
    """Draw what a study found into ``out``: arms, paired differences, learning curves; only those it has data for.

    Args:
        study_dir: ``results/<study>``, with ``summary.json``; its runs are looked for in ``results/runs/<study>``.
        out: made if missing.
    """
    study = read_study(study_dir)
    found = [
        _save_response(study, out),
        _save_sweep(study, out),
        _save_arms(study, out),
        _save_differences(study, out),
        _save_curves(study, out),
    ]
    return [saved for saved in found if saved is not None]


def _save_response(study: StudyData, out: Path) -> Saved | None:
    response = study.summary.get("response")
    if response is None:
        return None
    columns = [arm[study.metric] for arm in study.arms.values()]
    score, voice = words(study.metric), response["voice"]
    told = "; ".join(
        f"{fmt(offset)} {fmt(column['mean'])}" for offset, column in zip(response["offsets"], columns, strict=True)
    )
    return style.save(
        response_figure(response, columns, study.summary["direction"] == "higher", capital(score), study.title),
        out,
        "response",
        "Phase response",
        f"The mean {score} at each offset of {voice} (offset, mean): {told}. Below, the same curve around a circle.",
        f"Each small dot is one seed, each large one the mean at an offset of {voice} with its {_confidence(study)} "
        "interval; the line is the fitted first harmonic. The shaded band is the best phase with its interval; without "
        "one, the data are compatible with every phase. Below, the angle is the offset, and the distance from the "
        "centre is the score.",
    )


def _save_sweep(study: StudyData, out: Path) -> Saved | None:
    """Of arms that were trained equally long: the curve, or the map."""
    sweep, columns = study.summary.get("sweep"), [arm.get(study.metric) for arm in study.arms.values()]
    if sweep is None or not any(columns):
        return None
    names, values, score = sweep["names"], sweep["values"], words(study.metric)
    told = "; ".join(
        f"{arm} {fmt(column['mean'])}{span(column['mean_interval'])}"
        for arm, column in zip(study.arms, columns, strict=True)
        if column
    )
    if len(names) == 1:
        figure = curve_figure(names[0], values[0], columns, capital(score), study.title)
        reading = (
            f"Each small dot is one seed, each large one the mean at a value of {names[0]} with its "
            f"{_confidence(study)} interval; the line only joins the means."
        )
    else:
        figure = map_figure(names, values, columns, sweep["best"], capital(score), study.title)
        reading = (
            f"Above, the mean over the seeds for each {names[0]} (rows) and {names[1]} (columns), the best framed; "
            f"below, half the width of its {_confidence(study)} interval: means that differ by less may be alike."
        )
    over = " and ".join(names)
    return style.save(figure, out, "sweep", "Sweep", f"The mean {score} over {over} (arm, mean): {told}.", reading)


def _save_arms(study: StudyData, out: Path) -> Saved | None:
    columns = _drawn(study, [c for c in study.columns if any(c in arm for arm in study.arms.values())])
    if not columns:
        return None
    told = [
        f"{arm} {fmt(of[study.metric]['mean'])}{span(of[study.metric]['mean_interval'])}"
        for arm, of in study.arms.items()
        if study.metric in of
    ]
    return style.save(
        arms_figure(study, columns),
        out,
        "arms",
        "Scores by arm",
        f"Dot plot of every seed's score by arm. Mean {words(study.metric)}: {'; '.join(told)}.",
        f"Each dot is one seed; the large marker is the mean, the bar its {_confidence(study)} bootstrap interval, the "
        f"tick the interquartile mean. Of {words(study.metric)}, {study.summary.get('direction', 'higher')} is better.",
    )


@style.applied()
def arms_figure(study: StudyData, columns: Sequence[str]) -> Figure:
    """One panel for each score column, one row in it for each arm; the mean is written at the right."""
    order = list(study.arms)
    row = 0.34 * len(order) + 0.62
    figure = Figure(figsize=(style.WIDTH, 0.9 + row * len(columns)))
    grid = figure.subplots(len(columns), 1, squeeze=False)[:, 0]
    for axes, column in zip(grid, columns, strict=True):
        for place, arm in enumerate(order):
            if column in study.arms[arm]:
                _draw_arm(axes, place, study.arms[arm][column], study.look(arm))
        if column == study.metric and study.mark is not None:
            axes.axvline(study.mark, color=style.INK, linewidth=1.2, linestyle=(0, (3, 2)), zorder=1)
        axes.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.4, -0.6))
        axes.set_title(capital(words(column)) + (" (the metric)" if column == study.metric else ""))
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.04)
    style.headline(figure, study.title)
    figure.legend(handles=_signs("mean and interval"), loc="outside lower center", ncols=3)
    return figure


def _draw_arm(axes: Axes, place: int, column: Mapping[str, Any], look: Look) -> None:
    values = np.array(list(column["values"].values()), dtype=np.float64)
    _draw_row(axes, place, values, column["mean"], column["mean_interval"], look, spread=0.32)
    axes.plot([column["iqm"]] * 2, [place - 0.3, place + 0.3], color=style.INK, linewidth=2.2, zorder=4)
    axes.annotate(
        fmt(column["mean"]), (1.0, place), xycoords=("axes fraction", "data"), xytext=(5, 0),
        textcoords="offset points", va="center", fontsize=10.5, annotation_clip=False,
    )  # fmt: skip


def _draw_row(
    axes: Axes, place: float, values: np.ndarray[Any, Any], mean: float, interval: Any, look: Look, spread: float
) -> None:
    # Seeds lie above and below the bar by a fixed pattern, so that it hides none and equal scores stay countable.
    lift = spread * np.array([-0.7, 0.7, -1.0, 1.0])[np.arange(len(values)) % 4]
    axes.plot(values, place + lift, "o", color=look.color, alpha=0.65, markersize=5, markeredgewidth=0, zorder=2)
    if interval and None not in interval:
        axes.plot(interval, [place, place], color=look.color, linewidth=4.5, alpha=0.75, zorder=3)
    axes.plot(
        mean,
        place,
        look.marker,
        color=look.color,
        markeredgecolor="white",
        markeredgewidth=1.2,
        markersize=10,
        zorder=5,
    )


def _signs(mean: str) -> list[Line2D]:
    grey = "#555555"
    return [
        Line2D([], [], linestyle="none", marker="o", color=grey, alpha=0.6, markersize=5, label="one seed"),
        Line2D([], [], color=grey, linewidth=4, marker="o", markersize=9, markeredgecolor="white", label=mean),
        Line2D([], [], linestyle="none", marker="|", color=style.INK, markersize=11, markeredgewidth=2.2, label="IQM"),
    ]


def _save_differences(study: StudyData, out: Path) -> Saved | None:
    drawn = [c for c in study.comparisons if c["pairs"]]
    if not drawn:
        return None
    told = [
        f"{c['treatment']} minus {c['control']}: {fmt(c['difference'])}{span(c['interval'])}, {c['verdict']}"
        for c in drawn
    ]
    return style.save(
        differences_figure(study, drawn),
        out,
        "differences",
        "Paired differences",
        f"Dot plot of the difference in {words(study.metric)} between two arms, seed by seed. {'; '.join(told)}.",
        f"Each dot is one seed run in both arms; the marker is the mean difference, the bar its {_confidence(study)} "
        "interval. p is of the paired sign-flip test after Holm's correction.",
    )


@style.applied()
def differences_figure(study: StudyData, comparisons: Sequence[Mapping[str, Any]]) -> Figure:
    """One row for each comparison: treatment − control of every seed, and what the test says of their mean."""
    figure = Figure(figsize=(style.WIDTH, 1.5 + 0.78 * len(comparisons)))
    axes = figure.subplots()
    axes.axvline(0, color=style.INK, linewidth=1.2, linestyle=(0, (3, 2)), zorder=1)
    for place, c in enumerate(comparisons):
        a, b = (_counted(study, c[side], c["seeds"]) for side in ("treatment", "control"))
        values = a - b
        look = study.look(c["treatment"])
        _draw_row(axes, place, values, c["difference"], c["interval"], look, spread=0.2)
        said = f"{c['treatment']} − {c['control']}: {c['verdict']} (p = {fmt(c['p_holm'])}, n = {c['pairs']})"
        axes.annotate(
            said, (0.0, place - 0.32), xycoords=("axes fraction", "data"), va="bottom",
            fontsize=min(10.5, 10.5 * WIDEST / len(said)), fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    better = "right" if study.mark is not None or study.summary.get("direction") == "higher" else "left"
    axes.set(yticks=[], ylim=(len(comparisons) - 0.55, -0.85))
    of = words(study.metric) if study.mark is None else study.judged_by
    axes.set_xlabel(f"difference in {of} (better to the {better})")
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.06)
    style.headline(figure, "Paired differences")
    figure.legend(handles=_signs("mean and interval")[:2], loc="outside lower center", ncols=2)
    return figure


def _counted(study: StudyData, arm: str, seeds: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What a comparison counts of an arm at these seeds: its scores, or 1 for a success and 0 for none."""
    known = study.arms[arm].get(study.metric, {}).get("values", {})
    scores = np.array([known.get(str(seed), np.nan) for seed in seeds], dtype=np.float64)
    if study.mark is None:
        return scores
    return (scores >= study.mark if study.summary["direction"] == "higher" else scores <= study.mark).astype(np.float64)


def _save_curves(study: StudyData, out: Path) -> Saved | None:
    by_arm = study.runs()
    if len(by_arm) > MOST_CURVES:
        compared = {c[side] for c in study.comparisons for side in ("treatment", "control")}
        by_arm = {name: paths for name, paths in by_arm.items() if name in compared}
    if any(0 < len(paths) < _scored(study, name) for name, paths in by_arm.items()):
        # Of some seeds the runs lie elsewhere, and a mean without them would pass for that of all.
        (out / "curves.png").unlink(missing_ok=True)
        return None
    arms = [
        Arm(name, tuple(read_run(path) for path in paths), study.look(name)) for name, paths in by_arm.items() if paths
    ]
    columns = _drawn(study, list(dict.fromkeys(column.removesuffix(LAST) for column in study.columns)))
    panels = [
        Panel(capital(words(c)), [Line(f"evaluation/{c}", c, sparse=True)], height=CURVE_HEIGHT, wide=True)
        for c in columns
    ]
    lines = [line for panel in panels for line in panel.lines]
    if not any(len(arm.first.series(line.source)[0]) > 1 for arm in arms for line in lines):
        return None  # one evaluation is no curve
    unit = plugins.trainer(study.summary["trainer"]).step_unit
    seeds = f"over {max(len(arm.runs) for arm in arms)} seeds"
    return style.save(
        stack(arms, panels, unit, "Learning curves by arm", label_ends=True),
        out,
        "curves",
        "Learning curves by arm",
        f"Line charts of {', '.join(words(c) for c in columns)} over steps for the arms {names(arms)}.",
        f"The mean {seeds} at each evaluation. {BAND}",
    )


def _scored(study: StudyData, arm: str) -> int:
    """How many seeds of an arm have a score."""
    return len(study.arms[arm].get(study.metric, {}).get("values", {}))


def _drawn(study: StudyData, columns: Sequence[str]) -> list[str]:
    """The columns that have room, at least two."""
    return list(columns[: min(MOST_COLUMNS, max(2, MOST_ROWS // max(1, len(study.arms))))])


def _confidence(study: StudyData) -> str:
    return f"{100 * (1 - float(study.summary.get('alpha', 0.05))):.0f} %"

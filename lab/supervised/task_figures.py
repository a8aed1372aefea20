"""Tasks × steps: how well each task is known along a run, above the learning rate and what was rehearsed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from lab.errors import UserError
from lab.phase import Constant
from lab.reports import style
from lab.reports.axes import steps_axis
from lab.reports.heatmap import Table, step_edges, table_of
from lab.reports.response import draw_curve
from lab.reports.runs import Arm, RunData, heading, names, read_run
from lab.reports.study import StudyData, words
from lab.reports.style import Saved
from lab.reports.words import capital, fmt

UNIT = "update"
GATE = "rehearsal.share"
"""The voice that says what is rehearsed when."""
MOST_ARMS = 4
SCALE = Normalize(0.0, 1.0)
READING = (
    "Rows are tasks in the order in which they are learned, colours their test accuracies, means over seeds; white is "
    "before a task is met. Ticks below the learning rate are the steps that rehearse, as high as their share."
)


def accuracies(arm: Arm) -> Table | None:
    """The accuracy of every task at every evaluation, means over the arm's runs; None where it learned no tasks."""
    return table_of(arm, "evaluation/task/", "/accuracy")


def draw_tasks(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """A matrix of each arm above its learning rate; nothing where no arm learned tasks."""
    drawn = [(arm, table) for arm in groups if (table := accuracies(arm)) is not None][:MOST_ARMS]
    if not drawn:
        return []
    told = "; ".join(f"{arm.label} ends at {fmt(_at_end(table))}" for arm, table in drawn)
    arms = [arm for arm, _ in drawn]
    saved = style.save(
        tasks_figure(drawn, heading(arms, "accuracy of each task")),
        out,
        "tasks",
        "Accuracy of each task",
        f"Heat maps of the accuracy of each task over updates, of {names(arms)}; the mean over tasks: {told}.",
        READING,
    )
    return [saved]


def _at_end(table: Table) -> float:
    return float(np.nanmean(table.values[:, -1]))


@style.applied()
def tasks_figure(drawn: Sequence[tuple[Arm, Table]], title: str) -> Figure:
    """One matrix an arm, each above its learning rate and its rehearsal."""
    figure = Figure(figsize=(style.WIDTH, 0.9 + 3.4 * len(drawn)))
    grid = figure.subplots(3 * len(drawn), 1, sharex=True, height_ratios=[2.2, 0.9, 0.3] * len(drawn))
    for place, (arm, table) in enumerate(drawn):
        matrix, rate, gate = grid[3 * place : 3 * place + 3]
        _draw_matrix(matrix, table, arm.label if len(drawn) > 1 else "")
        _draw_rate(rate, arm.first)
        _draw_gate(gate, arm.first, style.GREEN)
    steps_axis(grid[-1], max(arm.first.steps for arm, _ in drawn), UNIT)
    _key(figure, list(grid[::3]))
    style.headline(figure, title)
    return figure


def save_response(study: StudyData, out: Path) -> Saved:
    """The phase response of rehearsal beside the tasks of its best and its worst offset.

    Args:
        study: a phase-response study whose runs lie beside it.
        out: a folder, made if missing.

    Raises:
        UserError: it has no phase response, or no runs that learned tasks.
    """
    response = study.summary.get("response")
    if response is None:
        raise UserError(
            f"{study.path}: it has no phase response; a study with response: {{voice: {GATE}}} at its end has one"
        )
    higher = study.summary["direction"] == "higher"
    ranked = sorted(study.arms, key=lambda arm: float(study.arms[arm][study.metric]["mean"]), reverse=higher)
    offsets = dict(zip(study.arms, response["offsets"], strict=True))
    drawn = [(offsets[name], *_read(study, name)) for name in (ranked[0], ranked[-1])]
    score, voice = words(study.metric), response["voice"]
    told = "; ".join(f"{fmt(offsets[arm])} {fmt(of[study.metric]['mean'])}" for arm, of in study.arms.items())
    return style.save(
        response_and_tasks(study, response, higher, drawn),
        out,
        "rehearsal",
        "When to rehearse",
        f"Left, the mean {score} at each offset of {voice} (offset, mean): {told}. Right, heat maps of the accuracy of "
        f"each task over updates at the best offset, {fmt(drawn[0][0])}, and at the worst, {fmt(drawn[1][0])}.",
        f"Left: each small dot is one seed, each large one the mean at an offset with its interval; the line is the "
        f"fitted first harmonic, the band the best phase with its interval. Right: {READING}",
    )


def _read(study: StudyData, name: str) -> tuple[Arm, Table]:
    paths = study.runs()[name]
    arm = Arm(name, tuple(read_run(path) for path in paths))
    table = accuracies(arm) if paths else None
    if table is None:
        raise UserError(
            f"{study.path}: no run of {name!r} beside it that learned tasks; run the study, and keep its runs"
        )
    return arm, table


@style.applied()
def response_and_tasks(
    study: StudyData, response: Mapping[str, Any], higher: bool, drawn: Sequence[tuple[float, Arm, Table]]
) -> Figure:
    """The curve on the left; on the right the matrices of two offsets above the learning rate and both rehearsals."""
    figure = Figure(figsize=(style.WIDE, 5.4))
    places: Any = figure.subfigures(1, 2, width_ratios=(0.8, 1.0))
    left, right = places
    curve = left.subplots()
    columns = [arm[study.metric] for arm in study.arms.values()]
    draw_curve(curve, np.asarray(response["offsets"], dtype=np.float64), columns, response, higher)
    curve.set(xlabel="rehearsal, in cycles ahead of the learning rate", title=capital(words(study.metric)))
    signs = curve.get_legend_handles_labels()
    left.legend(*signs, loc="outside lower center", ncols=2, columnspacing=1.0, handlelength=1.4, handletextpad=0.5)
    grid = right.subplots(5, 1, sharex=True, height_ratios=(2.0, 2.0, 1.0, 0.34, 0.34))
    for place, ((offset, arm, table), hue) in enumerate(zip(drawn, (style.GREEN, style.VERMILION), strict=True)):
        which, scored = ("Best", "Worst")[place], study.arms[arm.label][study.metric]
        _draw_matrix(grid[place], table, f"{which}, {fmt(offset)} of a cycle ahead: {fmt(scored['mean'])}", hue)
        _draw_gate(grid[3 + place], arm.first, hue, which.lower())
    run = drawn[0][1].first
    _draw_rate(grid[2], run)
    steps_axis(grid[-1], run.steps, UNIT)
    _key(right, list(grid[:2]))
    style.headline(figure, study.title)
    return figure


def _draw_matrix(axes: Axes, table: Table, title: str, color: str = style.INK) -> None:
    edges = np.arange(len(table.levels) + 1) + 0.5
    axes.pcolormesh(step_edges(table.steps), edges, table.values, cmap=style.SEQUENTIAL, norm=SCALE)
    axes.set_ylim(edges[-1], edges[0])
    axes.set(yticks=np.arange(1, len(table.levels) + 1, max(1, -(-len(table.levels) // 5))), ylabel="task")
    axes.tick_params(length=0)
    if title:
        axes.set_title(title, color=color)


def _draw_rate(axes: Axes, run: RunData) -> None:
    """The learning rate, in the place of whose numbers stands what it is."""
    if (rate := run.voices.get("lr")) is not None:
        steps = np.arange(run.steps)
        axes.plot(steps, np.broadcast_to(rate(steps), run.steps), color=style.ROLES["learning_rate"], linewidth=1.4)
    axes.set_ylim(bottom=0)
    _named(axes, "learning\nrate")


def _draw_gate(axes: Axes, run: RunData, color: str, name: str = "replay") -> None:
    """A tick at each step that rehearses, as high as the share; a constant share is a bar."""
    gate = run.voices.get(GATE, Constant(0.0))
    share = np.broadcast_to(gate(np.arange(run.steps)), run.steps)
    axes.fill_between(np.arange(run.steps), share, step="post", color=color, linewidth=0)
    axes.set_ylim(0, max(float(share.max()), 1e-9))
    _named(axes, name)
    axes.spines["left"].set_visible(False)


def _named(axes: Axes, name: str) -> None:
    axes.set_yticks([])
    axes.set_ylabel(name, rotation=0, ha="right", va="center")
    axes.tick_params(axis="x", length=0)


def _key(figure: Any, axes: list[Axes]) -> None:
    bar = figure.colorbar(ScalarMappable(SCALE, style.SEQUENTIAL), ax=axes, pad=0.02, aspect=24)
    bar.set_label("accuracy")

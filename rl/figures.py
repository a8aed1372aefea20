"""The RL figures, read from run directories: learning rate and difficulty, heatmap, target task, diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.reports import style
from lab.reports.axes import scale, shade_cycles, steps_axis
from lab.reports.heatmap import heatmap, table_of
from lab.reports.panels import CYCLES, Line, Panel, draw_line, looks, stack, with_bands
from lab.reports.runs import Arm, Draw, drawing, heading, names
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import fmt

UNIT = "environment step"
DIFFICULTY = "curriculum/difficulty"

TARGET = (
    Panel("Return on the target task", [Line("evaluation/return", "target task", sparse=True)]),
    Panel("Success on the target task", [Line("evaluation/success", "target task", sparse=True)], limits=(-0.03, 1.03)),
    Panel("Return while training", [Line("rollout/return", "rollouts", style.BLUE)]),
    Panel("Success while training", [Line("rollout/success", "rollouts", style.BLUE)], limits=(-0.03, 1.03)),
    Panel(
        "Difficulty trained on",
        [Line(DIFFICULTY, "difficulty", style.ROLES["difficulty"], smoothed=False)],
        limits=(-0.03, 1.03),
    ),
)

DIAGNOSTICS = (
    Panel("Policy loss", [Line("loss/policy", "policy", style.BLUE)]),
    Panel("Value loss", [Line("loss/value", "value", style.VERMILION)]),
    Panel("Entropy loss", [Line("loss/entropy", "entropy", style.PURPLE)]),
    Panel("Approximate KL", [Line("approx_kl", "KL", style.INK)]),
    Panel("Clipped share of samples", [Line("clip_fraction", "clipped", style.INK)], limits=(0.0, None)),
    Panel("Explained variance of the value", [Line("explained_variance", "explained", style.INK)], limits=(None, 1.05)),
    Panel(
        "Leading curvature of the policy's loss",
        [Line("curvature/leading", "largest eigenvalue", style.BLUE, sparse=True)],
        wide=True,
    ),
    Panel(
        "Gradient of the policy's loss: signal and noise",
        [
            Line("curvature/signal", "|G|²", style.BLUE, sparse=True),
            Line("curvature/noise", "variance of a sample", style.VERMILION, sparse=True),
        ],
        wide=True,
    ),
    Panel("Episode length", [Line("rollout/length", "length", style.INK)]),
)


def _draw_alignment(groups: Sequence[Arm], out: Path) -> list[Saved]:
    saved = style.save(
        alignment_figure(groups),
        out,
        "alignment",
        "Learning rate and difficulty",
        f"Learning rate and difficulty over environment steps on one axis, for {names(groups)}. "
        + " ".join(_alignment_words(arm) for arm in groups),
        "Left scale and dark red line: learning rate; right scale and dashed green line: the difficulty the agent "
        f"trains on, 0 the easiest task and 1 the target. {CYCLES}",
    )
    return [saved]


def _alignment_words(arm: Arm) -> str:
    rate, difficulty = arm.first.series("voice/learning_rate")[1], arm.first.series(DIFFICULTY)[1]
    parts = []
    if len(rate):
        parts.append(f"learning rate from {fmt(rate[0])} to {fmt(rate[-1])}")
    if len(difficulty):
        parts.append(f"difficulty from {fmt(difficulty[0])} to {fmt(difficulty[-1])}")
    return f"{arm.label}: {', '.join(parts)}." if parts else ""


@style.applied()
def alignment_figure(groups: Sequence[Arm]) -> Figure:
    """For each arm a panel with the learning rate on the left scale and the difficulty on the right one."""
    figure = Figure(figsize=(style.WIDTH, 1.3 + (2.3 if len(groups) == 1 else 1.6 * len(groups))))
    grid = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    rate = Line("learning_rate", "learning rate", style.ROLES["learning_rate"], kind="voice")
    difficulty = Line(DIFFICULTY, "difficulty", style.ROLES["difficulty"], dashed=True, smoothed=False)
    plain = looks(groups[:1])[0]
    for axes, arm in zip(grid, groups, strict=True):
        shade_cycles(axes, arm.first.clock, arm.first.steps)
        draw_line(axes, arm, rate, plain)
        axes.tick_params(axis="y", colors=rate.color)
        other = axes.twinx()
        other.spines["right"].set_visible(True)
        draw_line(other, arm, difficulty, plain)
        other.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        other.tick_params(axis="y", colors=difficulty.color)
        other.set_ylabel("difficulty", color=difficulty.color, fontweight="bold", rotation=270, labelpad=14)
        if len(groups) > 1:
            axes.set_title(arm.label)
    top = max(axes.get_ylim()[1] for axes in grid)
    for axes in grid:
        axes.set_ylim(-0.03 * top, top)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        power = scale(axes)
    figure.supylabel(f"learning rate {power}", color=rate.color, fontsize=11, fontweight="bold")
    steps_axis(grid[-1], max(run.steps for arm in groups for run in arm.runs), UNIT)
    style.headline(figure, heading(groups, "learning rate and difficulty"))
    return figure


def _draw_heatmap(groups: Sequence[Arm], out: Path) -> list[Saved]:
    prefix = "evaluation/return/"
    figure = heatmap(
        groups, prefix, DIFFICULTY, UNIT, "return", "difficulty trained on", heading(groups, "return by difficulty")
    )
    if figure is None:
        return []
    words = []
    for arm in groups:
        table = table_of(arm, prefix)
        if table is not None and np.isfinite(table.values[:, -1]).any():
            last = table.values[:, -1]
            words.append(
                f"{arm.label}: {fmt(last[0])} on the easiest and {fmt(last[-1])} on the hardest task at the end"
            )
    saved = style.save(
        figure,
        out,
        "heatmap",
        "Return by difficulty and step",
        f"Heatmap of the mean return, difficulty upwards and environment steps to the right. {'; '.join(words)}.",
        "Brighter is better. Each column is one evaluation of the deterministic policy at every difficulty; the "
        "outlined white line is the difficulty the agent trained on.",
    )
    return [saved]


def _draw_target(groups: Sequence[Arm], out: Path) -> list[Saved]:
    words = []
    for arm in groups:
        ends = [values[-1] for _, values in arm.series("evaluation/return") if len(values)]
        if ends:
            words.append(f"{arm.label} ends with a return of {fmt(float(np.mean(ends)))}")
    saved = style.save(
        stack(groups, TARGET, UNIT, heading(groups, "the target task")),
        out,
        "target",
        "Return on the target task",
        f"Line charts over environment steps of {names(groups)}: return and success on the target task, return "
        f"while training, difficulty. {'; '.join(words)}.",
        with_bands(
            "The target task is difficulty 1, played by the deterministic policy; the other curves are those of the "
            "training episodes.",
            groups,
        ),
    )
    return [saved]


def _draw_diagnostics(groups: Sequence[Arm], out: Path) -> list[Saved]:
    saved = style.save(
        stack(groups, [*shared_voice_panels(groups), *DIAGNOSTICS], UNIT, heading(groups, "schedules and diagnostics")),
        out,
        "diagnostics",
        "Schedules and training diagnostics",
        f"Stacked line charts over environment steps of {names(groups)}: the scheduled quantities, and below them "
        "policy, value and entropy loss, approximate KL divergence, clipped share and explained variance.",
        with_bands(CYCLES, groups),
    )
    return [saved]


FIGURES: Mapping[str, Draw] = {
    "alignment": _draw_alignment,
    "heatmap": _draw_heatmap,
    "target": _draw_target,
    "diagnostics": _draw_diagnostics,
}
"""By the name that ``lab plot --only`` takes, in the order of reading."""

draw = drawing(FIGURES)
"""Draws them from run directories."""

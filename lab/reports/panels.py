"""Figures stacked on one axis of steps: the schedules above, what they did below, cycles shaded through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lab.reports import style
from lab.reports.axes import (
    cycle_key,
    draw_voice,
    legend_beside_title,
    scale,
    shade_cycles,
    steps_axis,
    values_axis,
    wide_axis,
)
from lab.reports.runs import Arm, RunData
from lab.reports.series import Curve, apart, average, window_for
from lab.reports.style import Look
from lab.reports.words import short

BAND = "Bands are 95 % intervals of the mean over seeds (Student's t), of two or three seeds their range."
"""What a caption says of a band."""
CYCLES = "Every second cycle of the clock is shaded; filled triangles are crests, open ones troughs."
"""What a caption says of the clock's signs."""
PANEL = 1.45
"""Height of a plain panel in inches, with its title."""
LABEL, ABOVE = 0.19, 0.45
"""Inches from one line's label to the next, and what the title of a panel and the axis below it take of its height."""
MOST_PANELS = 20
"""A figure of more could not be read, and would take minutes to draw."""


@dataclass(frozen=True)
class Line:
    """One quantity of a panel: a column of the metrics log, or a voice that is drawn from its schedule.

    Attributes:
        source: a column, e.g. ``loss/generator``; for ``kind="voice"`` a voice's name, e.g. ``lr.generator``.
        label: its word in the legend.
        color: of the line where one arm is drawn alone; with several arms colour tells the arms apart.
        kind: where the values come from.
        dashed: told apart by line style too, within its panel.
        sparse: few points (evaluations): every one gets a marker and nothing is smoothed.
        smoothed: whether a long log is drawn as its centred mean; not where a quantity is set rather than measured.
    """

    source: str
    label: str
    color: str = style.INK
    kind: Literal["column", "voice"] = "column"
    dashed: bool = False
    sparse: bool = False
    smoothed: bool = True

    def drawable(self, run: RunData) -> bool:
        """Whether the run has anything to draw for this line."""
        return self.source in run.voices if self.kind == "voice" else len(run.series(self.source)[0]) > 0


@dataclass(frozen=True)
class Panel:
    """Lines that share one vertical axis.

    Attributes:
        title: what the axis measures.
        lines: what is drawn in it.
        levels: where horizontal reference lines are.
        limits: (bottom, top) of the axis; None leaves an end to the data.
        height: relative to a plain panel.
        wide: whether the axis may become logarithmic, where positive values lie far apart.
        legend: whether its lines are named beside the title, if there are several.
    """

    title: str
    lines: Sequence[Line]
    levels: Sequence[float] = ()
    limits: tuple[float | None, float | None] = (None, None)
    height: float = 1.0
    wide: bool = False
    legend: bool = True


@style.applied()
def stack(
    arms: Sequence[Arm], panels: Sequence[Panel], unit: str, heading: str = "", label_ends: bool = False
) -> Figure:
    """Panels one below the other on one axis of steps.

    One arm alone keeps the panels' own colours; its seeds are averaged, with a band for the interval. Of several arms
    each quantity gets a panel to itself, and colour, line style and the legend on top tell the arms apart.

    Args:
        arms: what to draw, in the order of the legend.
        panels: a panel, or a line of one, that no arm has data for is left out.
        unit: what one step is, for the axis ("generator update").
        heading: written above the figure.
        label_ends: name several arms at the ends of their lines, in the place of a legend.
    """
    several = len(arms) > 1
    present = _present(arms, panels, one_line_each=several)
    rows = present[:MOST_PANELS] or [Panel("Nothing logged yet", [])]
    if len(present) > len(rows):
        heading = f"{heading} (the first {len(rows)} of {len(present)})"
    heights = [panel.height for panel in rows]
    figure = Figure(figsize=(style.WIDTH, 0.75 + PANEL * sum(heights)))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    steps = max(run.steps for arm in arms for run in arm.runs)
    marked = shaded = False
    for axes, panel in zip(grid, rows, strict=True):
        shaded = _share_clock(arms) and shade_cycles(axes, arms[0].first.clock, steps)
        for arm, look in zip(arms, looks(arms), strict=True):
            for line in panel.lines:
                marked |= draw_line(axes, arm, line, look)
        finish_panel(axes, panel, legend=not several)
        if several and label_ends:
            _label_ends(axes, arms, panel.lines[0], PANEL * panel.height)
    steps_axis(grid[-1], steps, unit)
    style.headline(figure, heading, _arm_handles(arms) if several and not label_ends else ())
    keys = cycle_key(marked, shaded)
    if _averaged(arms):
        keys.append(Patch(color="#777777", alpha=0.6, linewidth=0, label="95 % interval"))
    if keys:
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), columnspacing=1.4, handlelength=1.4)
    return figure


def with_bands(caption: str, arms: Sequence[Arm]) -> str:
    """The caption of a figure of these arms, with sentences on its bands and on lines that end early, if it has any."""
    return " ".join([caption, *([BAND] if _averaged(arms) else []), *ended_early(arms)])


def ended_early(arms: Sequence[Arm]) -> list[str]:
    """A sentence for each arm whose line ends where one of its runs does, while others went on."""
    ends = {arm.label: (min(ends), len(ends)) for arm in arms if len({*(ends := [r.last_step for r in arm.runs])}) > 1}
    return [
        f"{label} is drawn to step {step:,}, where the first of its {runs} seeds ended."
        for label, (step, runs) in ends.items()
    ]


def _averaged(arms: Sequence[Arm]) -> bool:
    return any(len(arm.runs) > 1 for arm in arms)


def _present(arms: Sequence[Arm], panels: Sequence[Panel], one_line_each: bool) -> list[Panel]:
    rows = []
    for panel in panels:
        lines = [line for line in panel.lines if any(line.drawable(run) for arm in arms for run in arm.runs)]
        if one_line_each:
            rows += [replace(panel, title=_title(panel, line), lines=[line]) for line in lines]
        elif lines:
            rows.append(replace(panel, lines=lines))
    return rows


def _title(panel: Panel, line: Line) -> str:
    return panel.title if len(panel.lines) == 1 else f"{panel.title}, {line.label}"


def looks(arms: Sequence[Arm]) -> list[Look]:
    """How each arm is drawn; one alone has no colour of its own, so that its lines keep theirs."""
    if len(arms) == 1:
        return [Look("", "-", "o")]
    return [arm.look or style.look(index) for index, arm in enumerate(arms)]


def _arm_handles(arms: Sequence[Arm]) -> list[Line2D]:
    """What a legend shows for each arm."""
    return [
        Line2D(
            [], [], color=look.color, linestyle=look.line, marker=look.marker, markersize=5, label=short(arm.label, 56)
        )
        for arm, look in zip(arms, looks(arms), strict=True)
    ]


def _label_ends(axes: Axes, arms: Sequence[Arm], line: Line, height: float) -> None:
    """Write each arm's name at the right, as near to where its line ends as there is room for it."""
    to_axes = axes.transScale + axes.transLimits
    ends = []
    for arm, look in zip(arms, looks(arms), strict=True):
        if (curve := average(arm.series(line.source))) is not None:
            known = np.flatnonzero(np.isfinite(curve.mean))
            if len(known):
                right, end = to_axes.transform((curve.steps[known[-1]], curve.mean[known[-1]]))
                ends.append((arm.label, look, float(right), float(end)))
    heights = apart([end for *_, end in ends], LABEL / (height - ABOVE))
    for (label, look, right, end), place in zip(ends, heights, strict=True):
        axes.annotate(
            short(label, 18), (right, end), (1.05, place), xycoords="axes fraction", textcoords="axes fraction",
            va="center", color=look.color, fontsize=10.5, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": look.color, "linewidth": 0.8, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 0
            },
        )  # fmt: skip


def draw_line(axes: Axes, arm: Arm, line: Line, look: Look) -> bool:
    """Draw one quantity of one arm: the schedule, or the mean over seeds with its band.

    Returns:
        Whether crests and troughs are marked, which a key then explains.
    """
    color = look.color or line.color
    dash: Any = (0, (5, 1.8)) if line.dashed and not look.color else look.line
    source = line.source
    if line.kind == "voice":
        if line.drawable(arm.first):
            return draw_voice(axes, arm.first.voices[source], arm.first.steps, color, dash, line.label)
        source = f"voice/{source}"  # one arm has a schedule where another follows a measurement: then its log tells
    series = arm.series(source)
    smoothed = line.smoothed and not line.sparse and not source.startswith("voice/")
    window = window_for(max(len(steps) for steps, _ in series)) if smoothed else 1
    curve = average(series, window)
    if curve is None:
        return False
    _draw_curve(axes, curve, color, dash, look.marker if line.sparse else "", line.label)
    if window > 1 and curve.runs == 1 and (raw := average(series)) is not None:
        axes.plot(raw.steps, raw.mean, color=color, linewidth=0.8, alpha=0.3, zorder=1.5)
    return False


def _draw_curve(axes: Axes, curve: Curve, color: str, dash: Any, marker: str, label: str) -> None:
    """A mean over steps and, where there are several runs, the band of its interval."""
    if len(curve.steps) == 1:
        marker = marker or "o"
    axes.plot(
        curve.steps, curve.mean, color=color, linestyle=dash, label=label, zorder=3,
        marker=marker or None, markersize=4.5, markevery=max(1, len(curve.steps) // 24), clip_on=not marker,
    )  # fmt: skip
    if curve.runs > 1:
        axes.fill_between(curve.steps, curve.low, curve.high, color=color, alpha=0.18, linewidth=0, zorder=1.5)


def _share_clock(arms: Sequence[Arm]) -> bool:
    """Whether all arms run on one clock, so that one shading is true for all of them."""
    return len({str(arm.first.config.get("clock")) for arm in arms}) == 1 and "clock" in arms[0].first.config


def finish_panel(axes: Axes, panel: Panel, legend: bool) -> None:
    """What is written and ruled around a panel's lines, once they are drawn."""
    for value in panel.levels:
        axes.axhline(value, color="#555555", linewidth=1.1, linestyle=(0, (2, 2)), zorder=1)
    logarithmic = panel.wide and wide_axis(axes)
    if not logarithmic:
        values_axis(axes)
    bottom, top = panel.limits
    axes.set_ylim(bottom=bottom, top=top)
    axes.set_title(f"{short(panel.title, 56)} {'(log)' if logarithmic else scale(axes)}")
    if legend and panel.legend and len(panel.lines) > 1:
        legend_beside_title(axes, len(panel.lines))

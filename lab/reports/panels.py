"""Figures stacked on one axis of steps: the schedules above, what they did below, cycles shaded through all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.errors import UserError
from lab.phase import Constant
from lab.reports import style
from lab.reports.runs import Arm, RunData
from lab.reports.series import Curve, Floats, Ints, average, fmt, window_for
from lab.reports.style import Look

MOST_CYCLES = 40
"""More cycles than these are not shaded, and their crests not marked: they would be a grey smear."""
MOST_POINTS = 4000
"""A schedule is drawn at so many steps at most, its crests and troughs always among them."""

BAND = "Bands are 95 % bootstrap intervals of the mean over seeds."
"""What a caption says of a band."""

NAMES: Mapping[str, str] = {
    "lr": "learning rate",
    "learning_rate": "learning rate",
    "clip_range": "clip range",
    "ent_coef": "entropy coefficient",
    "vf_coef": "value-loss coefficient",
    "target_kl": "target KL",
    "r1": "R1 penalty",
    "ema": "average of weights (EMA)",
}
"""Words for the first part of a voice's name; a name that is not here is its own word."""


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
        levels: horizontal reference lines, value to words ("equal to chance").
        limits: (bottom, top) of the axis; None leaves an end to the data.
        height: relative to a plain panel.
    """

    title: str
    lines: Sequence[Line]
    levels: Mapping[float, str] = field(default_factory=dict)
    limits: tuple[float | None, float | None] = (None, None)
    height: float = 1.0


def voice_panels(run: RunData) -> list[Panel]:
    """A panel for each family of voices (``lr.generator`` and ``lr.discriminator`` share one), learning rates first.

    Voices of the clock are drawn from their schedules, so also where the run has not been yet; a voice that follows a
    measurement is drawn from the log.
    """
    logged = [name.removeprefix("voice/") for name in run.metrics.names() if name.startswith("voice/")]
    names = list(dict.fromkeys([*run.voices, *logged]))
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(name.split(".")[0], []).append(name)
    order = sorted(families, key=lambda family: family not in ("lr", "learning_rate"))
    roles = list(style.ROLES)

    def by_role(name: str) -> int:
        return min((roles.index(word) for word in name.split(".") if word in roles), default=len(roles))

    return [
        Panel(_sentence(NAMES.get(f, f)), [_voice_line(run, n) for n in sorted(families[f], key=by_role)], height=0.9)
        for f in order
    ]


def shared_voice_panels(groups: Sequence[Arm]) -> list[Panel]:
    """The voice panels of all arms, each once; of those that never change anywhere only the learning rates."""
    panels: dict[str, Panel] = {}
    for arm in groups:
        for panel in voice_panels(arm.first):
            panels.setdefault(panel.title, panel)
    return [p for p in panels.values() if p.title == "Learning rate" or any(_moves(groups, line) for line in p.lines)]


def _moves(groups: Sequence[Arm], line: Line) -> bool:
    """Whether a voice changes in any arm, by its schedule or, where it has none, by the log."""
    column = f"voice/{line.source.removeprefix('voice/')}"
    name = column.removeprefix("voice/")
    return any(
        not isinstance(arm.first.voices[name], Constant)
        if name in arm.first.voices
        else _varies(arm.first.series(column)[1])
        for arm in groups
    )


def _varies(values: Floats) -> bool:
    return len(values) > 0 and bool(np.ptp(values) > 0)


def _voice_line(run: RunData, name: str) -> Line:
    family, _, member = name.partition(".")
    label = member.replace("_", " ") or NAMES.get(family, family)
    color = style.role_color(name)
    dashed = member == "discriminator"
    return Line(
        name if name in run.voices else f"voice/{name}",
        label,
        color,
        "voice" if name in run.voices else "column",
        dashed,
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


@style.applied()
def stack(arms: Sequence[Arm], panels: Sequence[Panel], unit: str, heading: str = "") -> Figure:
    """Panels one below the other on one axis of steps.

    One arm alone keeps the panels' own colours; its seeds are averaged, with a band for the interval. Of several arms
    each quantity gets a panel to itself, and colour, line style and the legend on top tell the arms apart.

    Args:
        arms: what to draw, in the order of the legend.
        panels: a panel, or a line of one, that no arm has data for is left out.
        unit: what one step is, for the axis ("generator update").
        heading: written above the figure.
    """
    several = len(arms) > 1
    present = _present(arms, panels, one_line_each=several)
    rows = present or [Panel("Nothing logged yet", [])]
    heights = [panel.height for panel in rows]
    figure = Figure(figsize=(style.WIDTH, 0.75 + 1.45 * sum(heights)))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    clocked, shaded = share_clock(arms), False
    for axes, panel in zip(grid, rows, strict=True):
        shaded = clocked and shade_cycles(axes, arms[0].first)
        for arm, look in zip(arms, looks(arms), strict=True):
            for line in panel.lines:
                draw_line(axes, arm, line, look)
        _finish_panel(axes, panel, legend=not several)
    steps_axis(grid[-1], max(run.steps for arm in arms for run in arm.runs), unit)
    style.headline(figure, heading, arm_handles(arms) if several else ())
    if keys := _key(arms, list(grid), shaded):
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), columnspacing=1.4, handlelength=1.4)
    return figure


def _present(arms: Sequence[Arm], panels: Sequence[Panel], one_line_each: bool) -> list[Panel]:
    rows = []
    for panel in panels:
        lines = [line for line in panel.lines if any(line.drawable(run) for arm in arms for run in arm.runs)]
        if one_line_each:
            rows += [Panel(_title(panel, line), [line], panel.levels, panel.limits, panel.height) for line in lines]
        elif lines:
            rows.append(Panel(panel.title, lines, panel.levels, panel.limits, panel.height))
    return rows


def _title(panel: Panel, line: Line) -> str:
    return panel.title if len(panel.lines) == 1 else f"{panel.title}, {line.label}"


def looks(arms: Sequence[Arm]) -> list[Look]:
    """How each arm is drawn; one alone has no colour of its own, so that its lines keep theirs."""
    if len(arms) == 1:
        return [Look("", "-", "o")]
    return [style.look(index if arm.place is None else arm.place) for index, arm in enumerate(arms)]


def arm_handles(arms: Sequence[Arm]) -> list[Line2D]:
    """What a legend shows for each arm."""
    return [
        Line2D([], [], color=look.color, linestyle=look.line, marker=look.marker, markersize=5, label=_short(arm.label))
        for arm, look in zip(arms, looks(arms), strict=True)
    ]


def _short(label: str, most: int = 56) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def draw_line(axes: Axes, arm: Arm, line: Line, look: Look) -> None:
    """Draw one quantity of one arm: the schedule with its crests and troughs, or the mean over seeds with its band."""
    color = look.color or line.color
    dash: Any = (0, (5, 1.8)) if line.dashed and not look.color else look.line
    if line.kind == "voice" and line.drawable(arm.first):
        _draw_voice(axes, arm.first, line, color, dash)
        return
    if line.kind == "voice":  # one arm has a schedule where another follows a measurement: then its log tells
        line = Line(f"voice/{line.source}", line.label, line.color)
    window = (
        1
        if line.sparse or not line.smoothed or line.source.startswith("voice/")
        else window_for(max(len(s) for s, _ in arm.series(line.source)))
    )
    curve = average(arm.series(line.source), window)
    if curve is not None:
        draw_curve(axes, curve, color, dash, look.marker if line.sparse else "", line.label)
    if window > 1 and curve is not None and curve.runs == 1:
        raw = average(arm.series(line.source))
        if raw is not None:
            axes.plot(raw.steps, raw.mean, color=color, linewidth=0.8, alpha=0.3, zorder=1.5)


def draw_curve(axes: Axes, curve: Curve, color: str, dash: Any, marker: str, label: str) -> None:
    """A mean over steps and, where there are several runs, the band of its interval."""
    if len(curve.steps) == 1:
        marker = marker or "o"
    axes.plot(
        curve.steps, curve.mean, color=color, linestyle=dash, label=label, zorder=3,
        marker=marker or None, markersize=4.5, markevery=max(1, len(curve.steps) // 24), clip_on=not marker,
    )  # fmt: skip
    if curve.runs > 1:
        axes.fill_between(curve.steps, curve.low, curve.high, color=color, alpha=0.18, linewidth=0, zorder=1.5)


def _draw_voice(axes: Axes, run: RunData, line: Line, color: str, dash: Any) -> None:
    voice, steps = run.voices[line.source], run.steps
    crests, troughs = turning_points(voice, steps)
    grid = np.unique(np.r_[np.linspace(0, steps - 1, MOST_POINTS).astype(np.int64), crests, troughs])
    crowded = len(crests) + len(troughs) > 2 * MOST_CYCLES
    axes.plot(
        grid, np.broadcast_to(voice(grid), grid.shape), color=color, label=line.label, zorder=3,
        linestyle="-" if crowded else dash, linewidth=0.6 if crowded else 2.0, alpha=0.6 if crowded else 1.0,
    )  # fmt: skip
    if crowded:
        return
    for at, marker, face in ((crests, "^", color), (troughs, "v", "white")):
        if len(at):
            axes.plot(
                at, voice(at), linestyle="none", marker=marker, markersize=6.5, color=color, markerfacecolor=face,
                markeredgewidth=1.4, zorder=4, clip_on=False, label="_crests" if marker == "^" else "_troughs",
            )  # fmt: skip


def turning_points(voice: Any, steps: int) -> tuple[Ints, Ints]:
    """The steps in [0, steps) of a voice's crests and of its troughs: those at which a conductor fires its events.

    A voice that has none (a constant, a wave of the user's that names none) gives empty arrays.
    """

    def due(event: str) -> Ints:
        try:
            return np.fromiter(voice.due(event, 0, steps), np.int64)
        except UserError:
            return np.empty(0, np.int64)

    return due("crest"), due("trough")


def shade_cycles(axes: Axes, run: RunData) -> bool:
    """Shade every second cycle of the run's master clock, unless there are too many to see; whether there was one."""
    position = run.clock.position(np.arange(run.steps, dtype=np.int64))
    turning = position.phase < 1.0  # a bounded clock that has ended rests at 1
    starts = np.flatnonzero(np.r_[True, np.diff(position.cycle) != 0] & turning)
    end = int(turning.sum())
    shaded = 1 < len(starts) <= MOST_CYCLES
    if shaded:
        for start, stop in list(zip(starts, [*starts[1:], end], strict=True))[1::2]:
            axes.axvspan(float(start), float(stop), color=style.SHADE, linewidth=0, zorder=0)
    return shaded


def share_clock(arms: Sequence[Arm]) -> bool:
    """Whether all arms run on one clock, so that one shading is true for all of them."""
    return len({str(arm.first.config.get("clock")) for arm in arms}) == 1 and "clock" in arms[0].first.config


def _finish_panel(axes: Axes, panel: Panel, legend: bool) -> None:
    for value, words in panel.levels.items():
        axes.axhline(value, color="#555555", linewidth=1.1, linestyle=(0, (2, 2)), zorder=1)
        axes.annotate(
            words, (1.0, value), xycoords=("axes fraction", "data"), xytext=(-3, 2), textcoords="offset points",
            ha="right", va="bottom", fontsize=9.5, zorder=5,
        )  # fmt: skip
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3))
    bottom, top = panel.limits
    axes.set_ylim(bottom=bottom, top=top)
    axes.set_title(f"{panel.title} {scale(axes)}")
    if legend and len(panel.lines) > 1:
        legend_beside_title(axes, len(panel.lines))


def scale(axes: Axes) -> str:
    """Label a vertical axis of very small or large values by their digits alone; the power of ten, to stand in a title.

    Call it when the axis has its limits. Matplotlib's own place for the power of ten pushes a panel's title away.
    """
    largest = float(np.abs(axes.get_ylim()).max())
    if not np.isfinite(largest) or 1e-2 <= largest < 1e5 or largest == 0:
        return ""
    power = int(np.floor(np.log10(largest)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10.0**power:g}"))
    return rf"$\times\,10^{{{power}}}$"


def legend_beside_title(axes: Axes, entries: int) -> None:
    """The panel's legend, above its right end, where it hides no data."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=entries, borderaxespad=0.1, borderpad=0.1,
        columnspacing=1.2, handlelength=2.0,
    )  # fmt: skip


def steps_axis(axes: Axes, steps: int, unit: str) -> None:
    """Label the shared axis: thousands as 5k, millions as 2M, so that ticks stay apart on a narrow screen."""
    axes.set_xlim(0, steps)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 4, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
    axes.set_xlabel(f"step ({unit}s)")


def step_text(step: float) -> str:
    """A step for an axis: 500, 2k, 12.5k, 3M."""
    for scale, letter in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= scale:
            return f"{fmt(step / scale)}{letter}"
    return fmt(step)


def _key(arms: Sequence[Arm], grid: Sequence[Axes], shaded: bool) -> list[Artist]:
    """What the signs mean that several panels share."""
    key: list[Artist] = []
    if any(line.get_label() in ("_crests", "_troughs") for axes in grid for line in axes.lines):
        key.append(_sign("^", style.INK, "crest"))
        key.append(_sign("v", "white", "trough"))
    if shaded:
        key.append(Patch(color=style.SHADE, label="every second cycle"))
    if any(len(arm.runs) > 1 for arm in arms):
        key.append(Patch(color="#777777", alpha=0.6, linewidth=0, label="95 % interval"))
    return key


def _sign(marker: str, face: str, label: str) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, color=style.INK, markerfacecolor=face, markersize=7, label=label
    )

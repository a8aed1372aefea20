"""The phase portrait as a film: the path of a run drawn along with the clock, as an animated GIF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from PIL import Image

from lab.errors import UserError
from lab.reports import style
from lab.reports.portrait import Path2D, path_of, pieces, planes
from lab.reports.runs import RunData, arms, read_run
from lab.reports.study import phrase
from lab.training.trainer import TrainerPlugin

FRAMES = 120
PAUSE, LAST = 80, 2500
"""Milliseconds that a frame stays, and the last one."""
DPI = 100
COLOURS = 128
"""Of a frame: few, so that the film stays small."""
TRAIL = 1 / 8
"""The part of the run behind the present point that is drawn strongly."""


def film_portrait(runs: Sequence[Path], plugin: TrainerPlugin, out: Path) -> Path:
    """Write ``portrait.gif`` into ``out``: the first run of each arm, all of them at the same step.

    Raises:
        UserError: the trainer has no portrait, no run has enough rows for one, or the file cannot be written.
    """
    columns = tuple(getattr(plugin, "portrait", ()))
    if len(columns) != 2:
        raise UserError(f"--animate: trainer {plugin.name!r} has no phase portrait")
    groups = arms([read_run(path) for path in runs])
    found = [(arm.first, path) for arm in groups if (path := path_of(arm.first, *columns))]
    if not found:
        raise UserError(f"--animate: {', '.join(arm.label for arm in groups)}: fewer than three rows of both losses")
    file = out / "portrait.gif"
    frames = _frames(found, phrase(columns[0]), phrase(columns[1]), plugin.step_unit)
    pauses = [PAUSE] * (len(frames) - 1) + [LAST]
    try:
        out.mkdir(parents=True, exist_ok=True)
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=pauses, loop=0, optimize=False)
    except OSError as error:
        raise UserError(f"--out {out}: figures cannot be written there: {error.strerror}") from None
    return file


@style.applied()
def _frames(found: Sequence[tuple[RunData, Path2D]], x_label: str, y_label: str, unit: str) -> list[Image.Image]:
    figure, panels = planes([run.name for run, _ in found], [[path] for _, path in found], x_label, y_label)
    canvas: Any = FigureCanvasAgg(figure)
    title = figure.suptitle(" ", x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    drawn = []
    for axes, (_, path) in zip(panels, found, strict=False):
        faint, strong = (_lines(axes, width, alpha) for width, alpha in ((1.1, 0.5), (2.6, 1.0)))
        (point,) = axes.plot([], [], "o", color=style.INK, markersize=8, markeredgecolor="white", zorder=6)
        drawn.append((path, faint, strong, point))
    last = max(int(path.steps[-1]) for _, path in found)
    frames: list[Image.Image] = []
    for step in np.linspace(0, last, FRAMES + 1)[1:]:
        for path, faint, strong, point in drawn:
            _show(path, step, TRAIL * last, faint, strong, point)
        title.set_text(f"Phase portrait at {unit} {step:,.0f}")
        canvas.draw()
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    palette = frames[-1].quantize(COLOURS)  # one for all: with a palette each, colours would flicker
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _lines(axes: Any, width: float, alpha: float) -> LineCollection:
    lines = LineCollection([], cmap=style.CYCLIC, norm=Normalize(0, 1), linewidth=width, alpha=alpha)
    axes.add_collection(lines, autolim=False)
    return lines


def _show(path: Path2D, step: float, trail: float, faint: LineCollection, strong: LineCollection, point: Any) -> None:
    """Draw a path up to a step, its newest part strongly."""
    rows = int(np.searchsorted(path.steps, step, side="right"))
    since = int(np.searchsorted(path.steps, step - trail))
    for lines, begin in ((faint, 0), (strong, max(0, min(since, rows - 2)))):
        part = slice(begin, max(rows, 1))
        lines.set_segments(list(pieces(path.x[part], path.y[part])))
        lines.set_array(path.phase[part][:-1])
    if rows:
        point.set_data([path.x[rows - 1]], [path.y[rows - 1]])

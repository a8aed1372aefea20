"""What a page shows along the steps of a run, or of some side by side: what it made, and the path of its losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.errors import UserError
from lab.reports import style
from lab.reports.blocks import Frame
from lab.reports.missing import Skip
from lab.reports.portrait import Path2D, limits, path_of
from lab.reports.runs import RunData
from lab.reports.study import phrase

MOST_RUNS = 4
"""Of a row; more would be too small to see."""
STOPS = 60
"""Places of the slider, and those at which there is a frame."""
MOST_POINTS = 600
COLOURS = ",".join((style.BLUE, style.GREEN, style.ORANGE, style.PURPLE, style.BLUE))
"""Those of ``style.CYCLIC``."""


@dataclass(frozen=True)
class Trail:
    """A path in the plane as a page draws it: numbers of one length, separated by commas."""

    steps: str
    phase: str
    x: str
    y: str


@dataclass(frozen=True)
class Column:
    """One run: its label, its frames, its path."""

    label: str
    frames: Sequence[Frame]
    trail: Trail | None


@dataclass(frozen=True)
class Along:
    """Some runs along their steps.

    Attributes:
        unit: what one step is.
        stops: steps, separated by commas, at which the slider halts.
        columns: a run each.
        x_label, y_label: what the path is drawn over; empty where there is none.
        limits: left, right, bottom and top of the plane, separated by commas.
        colours: of the clock's phase, from 0 to 1.
    """

    unit: str
    stops: str
    columns: Sequence[Column]
    x_label: str
    y_label: str
    limits: str
    colours: str = COLOURS


def along(runs: Sequence[RunData], skip: Skip) -> Along | None:
    """The runs, all of one trainer, along their steps; None where nothing of them changes with the steps.

    Args:
        runs: at most ``MOST_RUNS`` are shown.
        skip: is told of a run whose frames a damaged file keeps from being drawn.

    Raises:
        UserError: frames cannot be written beside a run.
    """
    plugin = runs[0].plugin
    axes = tuple(getattr(plugin, "portrait", ()))
    shown = runs[:MOST_RUNS]
    paths = [path_of(run, *axes) if len(axes) == 2 else None for run in shown]
    frames = [_frames(run, skip) for run in shown]
    known = [path for path in paths if path is not None]
    if not known and not any(frames):
        return None
    columns = [
        Column(run.name, each, None if path is None else _trail(path))
        for run, path, each in zip(shown, paths, frames, strict=True)
    ]
    last = max(run.last_step for run in shown)
    stops = {round(step) for step in np.linspace(0, last, STOPS)} | {each.step for row in frames for each in row}
    plane = limits(known) if known else ()
    x_label, y_label = map(phrase, axes) if known else ("", "")
    corners = _listed([value for pair in plane for value in pair])
    return Along(plugin.step_unit, _listed(sorted(stops)), columns, x_label, y_label, corners)


def _frames(run: RunData, skip: Skip) -> Sequence[Frame]:
    draw = getattr(run.plugin, "frames", None)
    out = run.path / "figures" / "frames"
    if draw is None:
        return []
    with style.writing(out):
        try:
            found: Sequence[Frame] = draw(run.path, out)
        except UserError as error:
            skip("what it made along its steps", error)
            return []
    return found


def _trail(path: Path2D) -> Trail:
    thin = slice(None, None, -(-len(path.steps) // MOST_POINTS))
    columns = (path.steps, np.round(path.phase, 3), path.x, path.y)
    return Trail(*(_listed(values[thin].tolist()) for values in columns))


def _listed(values: Sequence[float]) -> str:
    return ",".join(f"{value:.7g}" if isinstance(value, float) else str(value) for value in values)

"""Which figures there are of runs, and drawing those that are asked for: the trainer's own, and the laboratory's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import UserError
from lab.reports.floquet import draw_floquet
from lab.reports.runs import Draw, draw_named
from lab.reports.style import Saved
from lab.reports.swing_figure import draw_swings
from lab.training import plugins
from lab.training.run import Run
from lab.training.trainer import TrainerPlugin

OWN: Mapping[str, Draw] = {"swings": draw_swings, "floquet": draw_floquet}
"""Figures of any trainer's runs."""


def draw_runs(runs: Sequence[Path], out: Path, only: Sequence[str] = ()) -> list[Saved]:
    """Draw runs of one trainer into ``out``.

    Args:
        runs: their directories.
        out: the folder, made if missing.
        only: the names of the figures to draw; none means all.

    Raises:
        UserError: the runs are of different trainers, one has logged nothing yet, a name is of no figure, there is
            nothing to draw for those that are asked for, or ``out`` cannot be written.
    """
    plugin = plugin_of(runs)
    theirs = figure_names(plugin)
    if unknown := [name for name in only if name not in (*theirs, *OWN)]:
        listed = ", ".join((*theirs, *OWN))
        raise UserError(f"--only {unknown[0]!r}: there is no such figure; those of {plugin.name} are {listed}")
    asked = [name for name in theirs if name in only]
    once = list(dict.fromkeys(runs))  # a run named twice is one seed
    try:
        found: list[Saved] = []
        if asked and hasattr(plugin, "figure_names"):
            found += plugin.figures(once, out, asked)
        elif asked or not only:
            found += plugin.figures(once, out)
        found += draw_named(OWN, once, out, [name for name in OWN if not only or name in only])
    except OSError as error:
        raise UserError(f"--out {out}: figures cannot be written there: {error.strerror}") from None
    if only and not found:
        raise UserError(f"--only {','.join(only)}: {_those(runs)} nothing to draw for it")
    return found


def plugin_of(runs: Sequence[Path]) -> TrainerPlugin:
    """The one trainer of some runs.

    Raises:
        UserError: they are of several.
    """
    trainers = {Run.open(path).trainer: path for path in runs}
    if len(trainers) > 1:
        listed = ", ".join(f"{path.name} is {name}" for name, path in trainers.items())
        raise UserError(
            f"runs of different trainers have no figure in common ({listed}); draw them one trainer at a time"
        )
    (name,) = trainers
    return plugins.trainer(name)


def figure_names(plugin: TrainerPlugin) -> list[str]:
    """The names of a trainer's own figures; one that does not tell them apart has a single one, of its own name."""
    return list(getattr(plugin, "figure_names", ())) or [plugin.name]


def _those(runs: Sequence[Path]) -> str:
    return f"{runs[0].name} has" if len(runs) == 1 else "these runs have"

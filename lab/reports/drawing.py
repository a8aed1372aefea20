"""Which figures there are of runs, and drawing those that are asked for: the trainer's own, and the laboratory's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from lab.errors import UserError
from lab.reports import style
from lab.reports.floquet import draw_floquet
from lab.reports.missing import Skip
from lab.reports.runs import Draw, arms, draw_named, read_run
from lab.reports.style import Saved
from lab.reports.swing_figure import draw_swings
from lab.training import plugins
from lab.training.run import Run
from lab.training.trainer import TrainerPlugin

OWN: Mapping[str, Draw] = {"swings": draw_swings, "floquet": draw_floquet}
"""Figures of any trainer's runs."""


def draw_runs(runs: Sequence[Path], out: Path, only: Sequence[str] = (), skip: Skip | None = None) -> list[Saved]:
    """Draw runs of one trainer into ``out``.

    Args:
        runs: their directories.
        out: the folder, made if missing.
        only: the names of the figures to draw; none means all.
        skip: is told of each figure that a damaged file keeps from being drawn, unless it is asked for by its name or
            none is left; without it, the first of them is an error.

    Raises:
        UserError: the runs are of different trainers, one has logged nothing yet, a name is of no figure, there is
            nothing to draw for those that are asked for, a file of a run cannot be read, or ``out`` cannot be written.
    """
    plugin = plugin_of(runs)
    theirs = figure_names(plugin)
    if unknown := [name for name in only if name not in (*theirs, *OWN)]:
        listed = ", ".join((*theirs, *OWN))
        raise UserError(f"--only {unknown[0]!r}: there is no such figure; those of {plugin.name} are {listed}")
    asked = [name for name in theirs if name in only]
    once = list(dict.fromkeys(runs))  # a run named twice is one seed
    found: list[Saved] = []
    with style.writing(out, "--out "):
        if only or skip is None:
            if asked and hasattr(plugin, "figure_names"):
                found += plugin.figures(once, out, asked)
            elif asked or not only:
                found += plugin.figures(once, out)
            found += draw_named(OWN, once, out, [name for name in OWN if not only or name in only])
        else:
            found += _what_can_be_drawn(plugin, once, out, skip)
    if only and not found:
        raise UserError(f"--only {','.join(only)}: {_those(runs)} nothing to draw for it")
    return found


def _what_can_be_drawn(plugin: TrainerPlugin, runs: Sequence[Path], out: Path, skip: Skip) -> list[Saved]:
    """All figures but those for which a file is damaged."""
    groups = arms([read_run(path) for path in runs])
    found: list[Saved] = []
    left: list[tuple[str, UserError]] = []

    def attempt(name: str, draw: Callable[[], Sequence[Saved]]) -> bool:
        try:
            found.extend(draw())
        except UserError as error:
            left.append((f"the figure {name}", error))
            return False
        return True

    names = getattr(plugin, "figure_names", ())
    if not attempt(plugin.name, lambda: plugin.figures(runs, out)) and names:
        left.clear()  # which of them it was, each alone tells
        for name in names:
            attempt(name, partial(plugin.figures, runs, out, [name]))
    for name, draw in OWN.items():
        attempt(name, partial(draw, groups, out))
    if left and not found:
        raise left[0][1]
    for what, error in left:
        skip(what, error)
    return found


def plugin_of(runs: Sequence[Path]) -> TrainerPlugin:
    """The one trainer of some runs.

    Raises:
        UserError: they are of several.
    """
    found = {path: Run.open(path) for path in runs}
    trainers = {plugins.kind(run.trainer, run.config): path for path, run in found.items()}
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

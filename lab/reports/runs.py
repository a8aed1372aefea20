"""Run directories as the figures see them: what they read of one, and which make an arm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lab.door.text import one_line
from lab.errors import UserError
from lab.phase import Clock
from lab.phase.parsing import followed, parse_voices
from lab.reports.series import Floats, Ints
from lab.reports.style import Look
from lab.reports.words import capital
from lab.training import plugins
from lab.training.metrics import Metrics
from lab.training.run import Run

if TYPE_CHECKING:
    from lab.reports.style import Saved
    from lab.training.trainer import TrainerPlugin

_SEED_SUFFIX = re.compile(r"-s\d+(-\d+)?$")


@dataclass(frozen=True)
class RunData:
    """One run as the figures see it. Make it with ``read_run``."""

    path: Path
    trainer: str
    config: Mapping[str, Any]
    metrics: Metrics

    @cached_property
    def plugin(self) -> TrainerPlugin:
        """The trainer whose columns and figures it has."""
        return plugins.shown(plugins.trainer(self.trainer), self.config)

    @property
    def name(self) -> str:
        """The name of the run's directory, as it can be shown."""
        return one_line(self.path.name)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.config.get("seed", 0))

    @cached_property
    def last_step(self) -> int:
        """The last step that any quantity was logged at."""
        return max((int(self.series(name)[0][-1]) for name in self.metrics.names()), default=0)

    @property
    def steps(self) -> int:
        """How many steps the run was to train; at least as many as it did."""
        return max(int(self.config.get("steps", 0)), self.last_step, 1)

    @property
    def finished(self) -> bool:
        """Whether the run has reached its last step."""
        return self.last_step >= int(self.config.get("steps", 0))

    @cached_property
    def clock(self) -> Any:
        """The run's master clock (a ``lab.phase.Clock``)."""
        return Clock.from_config(self.config["clock"])

    @cached_property
    def voices(self) -> Mapping[str, Any]:
        """The voices that follow the clock (``lab.phase.Voice``).

        What follows a measurement is only in the log, and so are rates that workers change each in their way.
        """
        given = self.config.get("voices", {})
        voices = parse_voices(self.clock, given, followed(given))  # its trainer has looked at them
        moved = getattr(plugins.trainer(self.trainer), "moved", lambda config: ())(self.config)
        return {
            name: voice
            for name, voice in voices.items()
            if name not in moved and hasattr(voice, "level") and callable(voice)
        }

    def series(self, name: str) -> tuple[Ints, Floats]:
        """Steps and values of one column, both empty where the run has no such column."""
        if name not in self.metrics.names():
            return np.empty(0, np.int64), np.empty(0, np.float64)
        steps, values = self.metrics.series(name)
        return np.asarray(steps, np.int64), np.asarray(values, np.float64)


@dataclass(frozen=True)
class Arm:
    """Runs that differ in nothing but their seed, drawn as one."""

    label: str
    runs: tuple[RunData, ...]
    look: Look | None = None
    """How a study draws it in all of its figures; None: by its place in the list."""

    @property
    def first(self) -> RunData:
        """The run that stands for the arm's configuration."""
        return self.runs[0]

    def series(self, name: str) -> list[tuple[Ints, Floats]]:
        """The column of every run of the arm."""
        return [run.series(name) for run in self.runs]


Draw = Callable[[Sequence[Arm], Path], "Sequence[Saved]"]
"""Draws a figure of some arms into a folder; nothing where they have no data for it."""


def read_run(path: Path) -> RunData:
    """Read a run directory.

    Raises:
        UserError: it is no run directory, or nothing has been logged in it yet.
    """
    run = Run.open(path)
    log = Path(run.path) / "metrics.jsonl"
    metrics = Metrics.read(run.path) if log.is_file() else None
    if metrics is None or not metrics.names():
        raise UserError(
            f"run {path}: nothing to draw, metrics.jsonl has no rows yet (a run logs its first after log_every steps)"
        )
    run.check_config()
    return RunData(Path(run.path), run.trainer, dict(run.config), metrics)


def draw_named(figures: Mapping[str, Draw], runs: Sequence[Path], out: Path, only: Sequence[str]) -> list[Saved]:
    """Draw the figures of these names into ``out``; runs that differ only in their seed are averaged.

    Raises:
        UserError: a path is no run directory, or its log is empty.
    """
    groups = arms([read_run(path) for path in runs])
    return [saved for name in only for saved in figures[name](groups, out)]


class Drawing(Protocol):
    """Draws the figures of some names, or all, as a trainer's plug-in names it."""

    def __call__(self, runs: Sequence[Path], out: Path, only: Sequence[str] = ()) -> list[Saved]:
        """Draw into ``out``, a folder, made if missing, what these run directories have data for.

        Args:
            runs: run directories; those that differ only in their seed are averaged.
            out: the folder.
            only: names of figures; none means all.

        Raises:
            UserError: a path is no run directory, or its log is empty.
        """


def drawing(figures: Mapping[str, Draw]) -> Drawing:
    """What draws these figures by their names."""

    def draw(runs: Sequence[Path], out: Path, only: Sequence[str] = ()) -> list[Saved]:
        return draw_named(figures, runs, out, only or list(figures))

    return draw


def arms(runs: Sequence[RunData]) -> list[Arm]:
    """The runs grouped by configuration (seed and device aside), in the order of their first appearance."""
    groups: dict[str, list[RunData]] = {}
    for run in runs:
        key = json.dumps(
            {k: v for k, v in run.config.items() if k not in ("seed", "device")}, sort_keys=True, default=str
        )
        groups.setdefault(key, []).append(run)
    labels = _distinct([_label(group) for group in groups.values()], list(groups.values()))
    return [Arm(label, tuple(group)) for label, group in zip(labels, groups.values(), strict=True)]


def heading(groups: Sequence[Arm], words: str) -> str:
    """What is written above a figure: the arm's name where there is one, else only what the figure shows."""
    return f"{groups[0].label}: {words}" if len(groups) == 1 else capital(words)


def names(groups: Sequence[Arm]) -> str:
    """The arms' names in one phrase."""
    return ", ".join(arm.label for arm in groups)


def _label(group: Sequence[RunData]) -> str:
    if len(group) == 1:
        return group[0].name
    return f"{_SEED_SUFFIX.sub('', group[0].name)} ({len(group)} seeds)"


def _distinct(labels: Sequence[str], groups: Sequence[Sequence[RunData]]) -> list[str]:
    """Labels that occur twice get the name of the directory that the run lies in before them."""
    return [
        f"{group[0].path.parent.name}/{label}" if labels.count(label) > 1 else label
        for label, group in zip(labels, groups, strict=True)
    ]

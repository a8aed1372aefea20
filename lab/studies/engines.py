"""Deals the trials of a study out to processes: each to one of its own, or many of a kind to one that stacks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Literal

from lab.errors import UserError
from lab.studies.model import Study
from lab.studies.pool import Job
from lab.studies.trials import Trial
from lab.studies.work import run_trial, run_trials
from lab.training import plugins
from lab.training.trainer import stacks_of

STACK = 16
"""Most trials of a process, where nobody says another number."""


@dataclass(frozen=True)
class Engine:
    """How trials are run.

    Attributes:
        name: ``local``, each in a process of its own; ``stacked``, those that can be stacked several to a process.
        stack: most trials of such a process; None for :data:`STACK`.
    """

    name: Literal["local", "stacked"] = "local"
    stack: int | None = None

    def check(self, study: Study) -> None:
        """Refuse an engine that the study's trainer cannot use.

        Raises:
            UserError: it cannot, or ``stack`` is no number of trials for it.
        """
        if self.name == "local":
            if self.stack is not None:
                raise UserError("--stack: it says how many trials share a process, which needs --engine stacked")
            return
        if self.stack is not None and self.stack < 1:
            raise UserError(f"--stack is {self.stack}; at least 1 trial is needed")
        if stacks_of(plugins.trainer(study.trainer)) is None:
            raise UserError(
                f"--engine stacked: runs of the trainer {study.trainer!r} cannot be stacked; accepted: --engine local"
            )

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """The jobs that run these trials, in the order of their first ones.

        Args:
            study: whose trials they are.
            trials: in the order in which they should begin.
            jobs: how many processes there are to be kept at work.
            data_dir: where data sets lie.
        """
        found = []
        for portion in self._portions(study, trials, jobs):
            first = portion[0]
            log = first.path.parent / "logs" / f"{first.key}.log"
            keys = tuple(trial.key for trial in portion)
            if len(portion) == 1:
                found.append(Job(keys, run_trial, (study.trainer, study.preset, first, data_dir), log))
            else:
                found.append(Job(keys, run_trials, (study.trainer, study.preset, portion, data_dir), log))
        return found

    def _portions(self, study: Study, trials: Sequence[Trial], jobs: int) -> list[list[Trial]]:
        """Trials that share a process."""
        stacks = stacks_of(plugins.trainer(study.trainer)) if self.name == "stacked" else None
        if stacks is None:
            return [[trial] for trial in trials]
        groups: dict[str, list[Trial]] = {}
        for trial in trials:
            key = stacks.stack_key(trial.config)
            groups.setdefault(f"alone {trial.key}" if key is None else f"key {key}", []).append(trial)
        size = min(self.stack or STACK, ceil(len(trials) / max(jobs, 1)))
        places = {trial.key: place for place, trial in enumerate(trials)}
        portions = [portion for group in groups.values() for portion in _evenly(group, ceil(len(group) / size))]
        return sorted(portions, key=lambda portion: places[portion[0].key])


def _evenly(trials: list[Trial], pieces: int) -> list[list[Trial]]:
    """So many pieces, none longer than another by more than one."""
    cuts = [len(trials) * piece // pieces for piece in range(pieces + 1)]
    return [trials[start:stop] for start, stop in pairwise(cuts)]

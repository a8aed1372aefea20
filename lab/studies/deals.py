"""Deals the trials of a study out as jobs: each by itself, or many of a kind to one process that stacks them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path

from lab.studies.model import Study
from lab.studies.pool import Job
from lab.studies.trials import Trial
from lab.studies.work import run_trial, run_trials
from lab.training.trainer import Stacks


def alone(study: Study, trials: Sequence[Trial], data_dir: str | Path | None) -> list[Job]:
    """A job for each trial, in their order.

    Args:
        study: whose trials they are.
        trials: in the order in which they should begin.
        data_dir: where data sets lie.
    """
    return [_job(study, [trial], data_dir) for trial in trials]


def stacked(
    study: Study, trials: Sequence[Trial], data_dir: str | Path | None, stacks: Stacks, most: int, jobs: int
) -> list[Job]:
    """Jobs of trials of a kind, in the order of their first ones; those that cannot be stacked are alone.

    Args:
        study, trials, data_dir: as for :func:`alone`.
        stacks: tells which trials are of a kind.
        most: trials of a job.
        jobs: how many processes there are to be kept at work.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        key = stacks.stack_key(trial.config)
        groups.setdefault(f"alone {trial.key}" if key is None else f"key {key}", []).append(trial)
    size = min(most, ceil(len(trials) / max(jobs, 1)))
    places = {trial.key: place for place, trial in enumerate(trials)}
    portions = [portion for group in groups.values() for portion in _evenly(group, ceil(len(group) / size))]
    portions.sort(key=lambda portion: places[portion[0].key])
    return [_job(study, portion, data_dir) for portion in portions]


def _job(study: Study, portion: Sequence[Trial], data_dir: str | Path | None) -> Job:
    keys, folder = tuple(trial.key for trial in portion), portion[0].path.parent
    if len(portion) == 1:
        return Job(keys, folder, run_trial, (study.trainer, study.preset, portion[0], data_dir))
    return Job(keys, folder, run_trials, (study.trainer, study.preset, portion, data_dir))


def _evenly(trials: list[Trial], pieces: int) -> list[list[Trial]]:
    """So many pieces, none longer than another by more than one."""
    cuts = [len(trials) * piece // pieces for piece in range(pieces + 1)]
    return [trials[start:stop] for start, stop in pairwise(cuts)]

"""How one trial of a study ended, and the scores of an arm's trials by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lab.studies.criteria.part import Floats
from lab.studies.model import Study

Status = Literal["finished", "failed", "missing"]


@dataclass(frozen=True)
class TrialResult:
    """One line of trials.csv: how a trial ended, and its scores if it finished."""

    arm: str
    seed: int
    status: Status
    error: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


def scores_of(trials: Sequence[TrialResult], arm: str, name: str) -> dict[int, float]:
    """Seed -> score of the arm's finished trials, where it is finite."""
    return {
        t.seed: t.scores[name]
        for t in trials
        if t.arm == arm and t.status == "finished" and math.isfinite(t.scores.get(name, math.nan))
    }


def counted(study: Study, trials: Sequence[TrialResult], arm: str) -> dict[int, float]:
    """The scores of an arm that the study's criterion counts: where it asks for them, failed trials as NaN."""
    scores = scores_of(trials, arm, study.metric)
    if study.criterion.counts_failures:
        scores |= {t.seed: math.nan for t in trials if t.arm == arm and t.status == "failed"}
    return {seed: scores[seed] for seed in study.seeds if seed in scores}


def with_failures(study: Study, trials: Sequence[TrialResult], arm: str) -> Floats:
    """The scores of an arm's trials and NaN for each that failed, float64[n], whatever the criterion counts."""
    failed = {t.seed: math.nan for t in trials if t.arm == arm and t.status == "failed"}
    found = failed | scores_of(trials, arm, study.metric)
    return np.array([found[seed] for seed in study.seeds if seed in found])

"""The mean over seeds: what a study is judged by unless it says otherwise."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from lab.studies import power
from lab.studies.criteria.part import Criterion, Direction, Floats
from lab.studies.statistics import Interval, PairedTest, bootstrap_interval, paired_permutation_test


class MeanScore(Criterion):
    """The mean score, compared by the sign-flip test of its paired differences (Fisher 1935)."""

    name: Literal["mean"] = "mean"
    test: ClassVar[str] = "a sign-flip test of the paired differences"

    def words(self, metric: str, direction: Direction) -> str:
        """ "mean good"."""
        return f"mean {metric}"

    def of(self, scores: Floats, direction: Direction) -> float:
        """Their mean."""
        return float(scores.mean())

    def interval(self, scores: Floats, direction: Direction, confidence: float, rng: np.random.Generator) -> Interval:
        """Bootstrap interval."""
        return bootstrap_interval(scores, np.mean, confidence=confidence, rng=rng)

    def compare(
        self, treatment: Floats, control: Floats, direction: Direction, confidence: float, rng: np.random.Generator
    ) -> PairedTest:
        """Sign-flip test, exact up to 16 pairs."""
        alternative: Literal["greater", "less"] = "greater" if direction == "higher" else "less"
        return paired_permutation_test(treatment, control, alternative, rng=rng, confidence=confidence)

    def seeds_needed(
        self, treatment: Floats, control: Floats, direction: Direction, alpha: float, rng: np.random.Generator
    ) -> float:
        """By the power of the paired t-test, which the sign-flip test comes close to."""
        gains = (treatment - control) * (1 if direction == "higher" else -1)
        return power.seeds_for_mean(gains, alpha)

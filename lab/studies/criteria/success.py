"""The share of seeds that reach a mark: the fair question where training either works or collapses."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lab.studies import power
from lab.studies.criteria.part import Criterion, Direction, Floats
from lab.studies.paired import paired_proportions_test
from lab.studies.statistics import Interval, PairedTest


class SuccessRate(Criterion):
    """The share of seeds whose score is at least ``at`` (at most, where lower is better); a failed trial has not."""

    name: Literal["success"] = "success"
    test: ClassVar[str] = "the exact test of the pairs in which only one of the two succeeded (McNemar)"
    at: float = Field(description="the score from which a seed counts as a success")

    @property
    def counts_failures(self) -> bool:
        """A run that ended in a NaN is what a success rate is about."""
        return True

    def words(self, metric: str, direction: Direction) -> str:
        """ "share of seeds with good ≥ 0.7"."""
        return f"share of seeds with {metric} {'≥' if direction == 'higher' else '≤'} {self.at:g}"

    def better(self, direction: Direction) -> Direction:
        """More successes, whichever way the score goes."""
        return "higher"

    def of(self, scores: Floats, direction: Direction) -> float:
        """Successes / seeds."""
        return float(self.reached(scores, direction).mean())

    def interval(self, scores: Floats, direction: Direction, confidence: float, rng: np.random.Generator) -> Interval:
        """The exact interval of a proportion (Clopper & Pearson 1934)."""
        from scipy.stats import binomtest

        reached = self.reached(scores, direction)
        found = binomtest(int(reached.sum()), len(reached)).proportion_ci(confidence, method="exact")
        return Interval(float(found.low), float(found.high))

    def compare(
        self, treatment: Floats, control: Floats, direction: Direction, confidence: float, rng: np.random.Generator
    ) -> PairedTest:
        """The exact test of the pairs in which only one arm reached the mark (McNemar 1947)."""
        return paired_proportions_test(
            self.reached(treatment, direction), self.reached(control, direction), confidence=confidence
        )

    def seeds_needed(
        self, treatment: Floats, control: Floats, direction: Direction, alpha: float, rng: np.random.Generator
    ) -> float:
        """By the exact power of that test, at the measured shares of one-sided pairs."""
        a, b = self.reached(treatment, direction), self.reached(control, direction)
        return power.seeds_for_proportions(float((a & ~b).mean()), float((b & ~a).mean()), alpha)

    def reached(self, scores: Floats, direction: Direction) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which seeds did, bool[seeds]; NaN did not."""
        return np.asarray(scores >= self.at if direction == "higher" else scores <= self.at)

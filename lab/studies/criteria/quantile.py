"""A quantile over seeds: how good an arm is where it is bad, which a mean over a few collapses hardly shows."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lab.studies import power
from lab.studies.criteria.part import Criterion, Direction, Floats
from lab.studies.paired import paired_swap_test
from lab.studies.statistics import Interval, PairedTest, bootstrap_interval

RESAMPLES = 2_000


class QuantileScore(Criterion):
    """The score that a share ``at`` of the seeds lies below (linear between scores), compared by swapping pairs."""

    name: Literal["quantile"] = "quantile"
    test: ClassVar[str] = "a test that swaps the two arms within pairs"
    at: float = Field(gt=0, lt=1, description="which quantile: 0.25 is the upper end of the worst quarter of scores")

    def words(self, metric: str, direction: Direction) -> str:
        """ "0.25 quantile of good"."""
        return f"{self.at:g} quantile of {metric}"

    def of(self, scores: Floats, direction: Direction) -> float:
        """The quantile of the scores."""
        return float(self._quantile(scores))

    def interval(self, scores: Floats, direction: Direction, confidence: float, rng: np.random.Generator) -> Interval:
        """Bootstrap interval."""
        return bootstrap_interval(scores, self._quantile, confidence=confidence, rng=rng)

    def compare(
        self, treatment: Floats, control: Floats, direction: Direction, confidence: float, rng: np.random.Generator
    ) -> PairedTest:
        """Exact up to 16 pairs: all 2^n ways in which the two arms could have swapped their scores within pairs."""
        return paired_swap_test(
            treatment, control, self._quantile, higher=direction == "higher", rng=rng, confidence=confidence
        )

    def seeds_needed(
        self, treatment: Floats, control: Floats, direction: Direction, alpha: float, rng: np.random.Generator
    ) -> float:
        """By a normal approximation, the difference's standard error from bootstrap samples of the pairs."""
        pairs = np.stack([treatment, control])
        drawn = pairs[:, rng.integers(0, len(treatment), (RESAMPLES, len(treatment)))]
        error = float(np.diff(self._quantile(drawn), axis=0).std())
        gain = (self.of(treatment, direction) - self.of(control, direction)) * (1 if direction == "higher" else -1)
        return power.seeds_for_normal(gain, error, len(treatment), alpha)

    def _quantile(self, scores: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.quantile(scores, self.at, axis=axis))

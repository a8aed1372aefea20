"""A quantile over seeds: how good an arm is where it is bad, which a mean over a few collapses hardly shows."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lab.studies import power
from lab.studies.criteria.part import Criterion, Direction, Floats
from lab.studies.paired import paired_swap_test
from lab.studies.statistics import Interval, PairedTest, bootstrap_interval

STUDIES, SWAPS, LARGEST = 100, 299, 500
"""Studies that are drawn for the power of one number of seeds, swaps in the test of each, seeds up to which it is."""


class QuantileScore(Criterion):
    """The score that a share ``at`` of the seeds lies below (linear between scores), compared by swapping pairs."""

    name: Literal["quantile"] = "quantile"
    test: ClassVar[str] = "a test that swaps the two arms within pairs"
    most_seeds: ClassVar[int] = LARGEST
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
        """By simulation: the test's power in studies of so many pairs, drawn from the measured ones.

        A quantile of few runs of which some collapse is no smooth number, and no formula of a standard error holds.
        """
        sign = 1 if direction == "higher" else -1
        if len(treatment) < 2 or sign * (self.of(treatment, direction) - self.of(control, direction)) <= 0:
            return math.nan
        swaps = max(SWAPS, math.ceil(2 / alpha))

        def shown(pairs: int) -> float:
            if pairs > LARGEST:
                return 1.0
            drawn = rng.integers(0, len(treatment), (STUDIES, pairs))
            a, b = sign * treatment[drawn], sign * control[drawn]
            observed = self._gain(a, b, sign) - 1e-12 * np.abs(np.stack([a, b])).max()
            extreme = np.ones(STUDIES)
            for _ in range(swaps):
                swapped = rng.random(a.shape) < 0.5
                extreme += self._gain(np.where(swapped, b, a), np.where(swapped, a, b), sign) >= observed
            return float((extreme / (swaps + 1) <= alpha).mean())

        found = power.fewest(shown, power.fewest_pairs(alpha))
        return found if found <= LARGEST else math.inf

    def _gain(self, a: Floats, b: Floats, sign: int) -> Floats:
        """By how much the quantile is better, of scores whose sign was turned so that more is."""
        return sign * (self._quantile(sign * a) - self._quantile(sign * b))

    def _quantile(self, scores: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.quantile(scores, self.at, axis=axis))

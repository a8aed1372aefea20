"""A treatment against a control: the paired test of the study's criterion, Holm's correction, and the verdict.

The rule, over the n seeds that count in both arms:

- *supported*: the one-sided paired test of the study's criterion (:mod:`lab.studies.criteria`: the mean, a quantile, a
  success rate) in the stated direction has a Holm-adjusted p below alpha.
- *not supported*: there were enough pairs for an answer (comparisons / 2^n < alpha), the interval of the paired
  difference, at confidence 1 - alpha, holds no improvement (its better end is zero or worse), and the same test in the
  other direction has a p below alpha, of this comparison alone. The interval by itself is too narrow for that where
  pairs are few, and pairs that are all equal may be at the floor or the ceiling of the score.
- *unclear*: everything else; above all a study whose n could not have reached alpha however large the effect. The
  reason then says how many seeds would have shown what was measured. Also either of the others where the arm that it
  favours failed at more seeds than the other one and the criterion does not count that: what finished flatters it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.reports.words import beside, level
from lab.studies.criteria import Criterion
from lab.studies.criteria.part import Floats
from lab.studies.model import Study
from lab.studies.power import fewest_pairs
from lab.studies.result import TrialResult, counted, with_failures
from lab.studies.statistics import Interval, PairedTest, holm, probability_of_improvement, smallest_p

Verdict = Literal["supported", "not supported", "unclear"]


@dataclass(frozen=True)
class Comparison:
    """A treatment against a control by the study's metric and criterion."""

    treatment: str
    control: str
    pairs: int
    seeds: Sequence[int]
    difference: float
    """Of the criterion, treatment − control, in its own sign."""
    interval: Interval
    better: float
    """Probability that a run of the treatment beats one of the control; NaN without pairs."""
    p: float
    p_holm: float
    smallest_p: float
    """The smallest Holm-adjusted p that this many pairs and comparisons can show."""
    p_opposite: float
    """That the treatment is worse, uncorrected."""
    exact: bool
    seeds_needed: float
    """Pairs that would show the measured difference with 80 % power; infinite for too many to say, NaN for none."""
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class _Pairs:
    """The seeds that count in both arms, and the scores of each arm at them."""

    treatment: str
    control: str
    seeds: Sequence[int]
    a: Floats
    b: Floats

    def test(self, study: Study) -> PairedTest | None:
        if not self.seeds:
            return None
        rng = stream(study, f"{self.treatment}-{self.control}")
        return study.criterion.compare(self.a, self.b, study.direction, 1 - study.alpha, rng)

    def seeds_needed(self, study: Study) -> float:
        if not self.seeds:
            return math.nan
        # The strictest level that Holm's correction holds one of so many comparisons against.
        strictest, rng = study.alpha / len(study.compare), stream(study, f"{self.treatment}-{self.control}/seeds")
        return study.criterion.seeds_needed(self.a, self.b, study.direction, strictest, rng)


def comparisons(study: Study, trials: Sequence[TrialResult]) -> list[Comparison]:
    """Every comparison that the study states, judged together."""
    paired = [_pairs(study, trials, *pair) for pair in study.compare]
    tests = [pairs.test(study) for pairs in paired]
    adjusted = holm([test.p if test else 1.0 for test in tests])
    return [_compared(study, trials, *of) for of in zip(paired, tests, adjusted, strict=True)]


def _pairs(study: Study, trials: Sequence[TrialResult], treatment: str, control: str) -> _Pairs:
    a, b = counted(study, trials, treatment), counted(study, trials, control)
    seeds = [seed for seed in study.seeds if seed in a and seed in b]
    return _Pairs(treatment, control, seeds, np.array([a[s] for s in seeds]), np.array([b[s] for s in seeds]))


def _compared(
    study: Study, trials: Sequence[TrialResult], pairs: _Pairs, test: PairedTest | None, p_holm: float
) -> Comparison:
    n, needed = len(pairs.seeds), pairs.seeds_needed(study)
    difference, interval = (test.effect, test.interval) if test else (math.nan, Interval(math.nan, math.nan))
    reachable = smallest_p(n, len(study.compare))
    opposite = test.p_opposite if test else 1.0
    verdict, reason = judge(study, n, reachable, difference, interval, (p_holm, opposite), needed)
    mine, theirs = (with_failures(study, trials, arm) for arm in (pairs.treatment, pairs.control))
    failed, fewer = (int(np.isnan(each).sum()) for each in (mine, theirs))
    flattered = {"supported": failed > fewer, "not supported": fewer > failed}.get(verdict, False)
    if flattered and not study.criterion.counts_failures:
        verdict = "unclear"
        reason += f"; but {pairs.treatment} failed at {failed} seeds and {pairs.control} at {fewer}, which is left out"
    return Comparison(
        treatment=pairs.treatment,
        control=pairs.control,
        pairs=n,
        seeds=pairs.seeds,
        difference=difference,
        interval=interval,
        better=probability_of_improvement(mine, theirs, study.direction) if n else math.nan,
        p=test.p if test else 1.0,
        p_holm=p_holm,
        smallest_p=reachable,
        p_opposite=opposite,
        exact=test.exact if test else True,
        seeds_needed=needed,
        verdict=verdict,
        reason=reason,
    )


def judge(
    study: Study,
    pairs: int,
    reachable: float,
    difference: float,
    interval: Interval,
    p: tuple[float, float],
    needed: float,
) -> tuple[Verdict, str]:
    """The rule of this module's docstring, and the reason in words.

    Args:
        p: that the treatment is better, after Holm's correction, and that it is worse, without.
    """
    if pairs == 0:
        return "unclear", "no seed finished in both arms"
    criterion: Criterion = study.criterion
    p_holm, opposite = p
    more = seeds_words(needed, criterion.most_seeds)
    sign = 1 if criterion.better(study.direction) == "higher" else -1
    if reachable >= study.alpha and p_holm >= study.alpha:  # beside comparisons that are clear, fewer pairs may do
        few = "1 pair" if pairs == 1 else f"{pairs} pairs"
        least = fewest_pairs(study.alpha / len(study.compare))
        return "unclear", (
            f"{few} cannot decide: the smallest p possible is {reachable:.2g}, alpha is {study.alpha:g}, "
            f"and at least {least} are needed{'' if pairs == 1 else f'; {more}'}"
        )
    if p_holm < study.alpha and sign * difference > 0:
        return "supported", f"p = {beside(p_holm, study.alpha)} after Holm's correction, below {study.alpha:g}"
    ruled_out = (interval.high if sign > 0 else -interval.low) <= 0
    if ruled_out and opposite < study.alpha:
        return "not supported", f"the {level(study.alpha)} interval of the difference holds no improvement"
    why = "the interval does not rule an improvement out"
    if interval.low == interval.high == difference == 0:
        why = "nothing differed: the score may be at its floor or its ceiling"
    elif ruled_out:
        why = f"that it is worse is not shown either (p = {beside(opposite, study.alpha)})"
    return "unclear", f"p = {beside(p_holm, study.alpha)} after Holm's correction, and {why}; {more}"


def seeds_words(needed: float, most: int) -> str:
    """How many seeds would show what was measured, in words; up to ``most`` is looked."""
    if math.isnan(needed):
        return "no improvement was measured that more seeds could show"
    if math.isinf(needed):
        return f"to show what was measured takes more than {most:,} seeds"
    return f"to show what was measured takes about {needed:.0f} seeds (80 % power)"


def stream(study: Study, key: str) -> np.random.Generator:
    """The random stream of one number, named by what it is of: a further arm or column changes no other number."""
    return np.random.default_rng(list(f"{study.name}/{study.metric}/{key}".encode()))

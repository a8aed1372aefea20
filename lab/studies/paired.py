"""Exact paired tests of other things than the mean: any statistic, by swaps within pairs; success rates (McNemar)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.studies.statistics import EXACT_PAIRS, Interval, PairedTest, Statistic, pairs_of

RESAMPLES = 9_999
"""Of the paired bootstrap."""
BLOCK = 4_000_000
"""Numbers of a resampling that are held in memory at once."""


def paired_swap_test(
    a: ArrayLike,
    b: ArrayLike,
    statistic: Statistic,
    *,
    higher: bool = True,
    rng: np.random.Generator,
    resamples: int = 99_999,
    confidence: float = 0.95,
) -> PairedTest:
    """One-sided test of statistic(a) − statistic(b) by swapping a and b within pairs.

    Under the null hypothesis the two values of a pair are as likely the other way round. Up to 16 pairs all 2^n ways
    are counted and p is exact; beyond, ``resamples`` are drawn and p = (as extreme + 1) / (resamples + 1). For the mean
    it is the sign-flip test.

    Args:
        a, b: finite numbers of one length, paired by position.
        statistic: a function of an array and ``axis``.
        higher: whether the question is if a exceeds b, or b exceeds a.
        rng: draws swaps and the interval's resamples.
        resamples: swaps drawn where there are too many to count.
        confidence: coverage of the effect's interval, a paired bootstrap's.
    """
    first, second = pairs_of(a, b)
    pairs, sign = first.size, 1.0 if higher else -1.0
    exact = pairs <= EXACT_PAIRS
    effect = float(statistic(first, axis=0) - statistic(second, axis=0))
    slack = 1e-12 * max(np.abs(first).max(), np.abs(second).max())
    count = extreme = opposite = 0
    for swapped in _every_swap(pairs) if exact else _drawn_swaps(pairs, resamples, rng):
        one, other = np.where(swapped, second, first), np.where(swapped, first, second)
        effects = sign * (statistic(one, axis=1) - statistic(other, axis=1))
        extreme += int((effects >= sign * effect - slack).sum())
        opposite += int((effects <= sign * effect + slack).sum())
        count += len(swapped)
    p, p_opposite = (n / count if exact else (n + 1) / (count + 1) for n in (extreme, opposite))
    return PairedTest(
        effect=effect,
        interval=_paired_interval(first, second, statistic, confidence, rng),
        p=p,
        p_opposite=p_opposite,
        pairs=pairs,
        exact=exact,
    )


def _every_swap(pairs: int) -> Iterator[NDArray[np.bool_]]:
    yield (np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1 == 1


def _drawn_swaps(pairs: int, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    for size in _blocks(resamples, pairs):
        yield rng.random((size, pairs)) < 0.5


def _blocks(resamples: int, width: int) -> Iterator[int]:
    """The resamples in portions of so many that a portion, ``width`` numbers each, fits into memory."""
    most = max(1, BLOCK // width)
    for begin in range(0, resamples, most):
        yield min(most, resamples - begin)


def paired_proportions_test(a: NDArray[np.bool_], b: NDArray[np.bool_], *, confidence: float = 0.95) -> PairedTest:
    """Exact one-sided test that a succeeds more often than b, from pairs of successes (McNemar 1947).

    Of the pairs in which one succeeded, each is as likely to be a's as b's under the null hypothesis: p is the upper
    tail of Bin(n₁ + n₂, ½) at n₁, the pairs in which only a did. The interval of the difference of proportions is the
    adjusted Wald interval of Bonett and Price (2012, doi 10.3102/1076998611411915): with p₁ = (n₁ + 1)/(n + 2) and p₂
    alike, p₁ − p₂ ± z √((p₁ + p₂ − (p₁ − p₂)²)/(n + 2)), cut at −1 and 1.

    Args:
        a, b: bool[pairs], at least one.
        confidence: coverage of the interval.
    """
    from scipy.stats import binom, norm

    pairs, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    one, other = (only_a + 1) / (pairs + 2), (only_b + 1) / (pairs + 2)
    half = float(norm.isf((1 - confidence) / 2)) * ((one + other - (one - other) ** 2) / (pairs + 2)) ** 0.5
    return PairedTest(
        effect=(only_a - only_b) / pairs,
        interval=Interval(max(-1.0, one - other - half), min(1.0, one - other + half)),
        p=float(binom.sf(only_a - 1, only_a + only_b, 0.5)),
        p_opposite=float(binom.sf(only_b - 1, only_a + only_b, 0.5)),
        pairs=pairs,
        exact=True,
    )


def _paired_interval(
    a: NDArray[np.float64], b: NDArray[np.float64], statistic: Statistic, confidence: float, rng: np.random.Generator
) -> Interval:
    """Percentile bootstrap of statistic(a) − statistic(b) over pairs."""
    if a.size == 1:
        return Interval(float("nan"), float("nan"))
    effects = []
    for size in _blocks(RESAMPLES, a.size):
        drawn = rng.integers(0, a.size, (size, a.size))
        effects.append(statistic(a[drawn], axis=1) - statistic(b[drawn], axis=1))
    low, high = np.quantile(np.concatenate(effects), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))

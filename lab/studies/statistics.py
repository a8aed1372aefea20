"""The statistics of a study: interquartile mean, bootstrap interval, exact paired tests, Holm's correction.

Pure functions of arrays; what is random takes its generator. The bootstrap is SciPy's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.errors import UserError

Alternative = Literal["two-sided", "greater", "less"]
Statistic = Callable[..., Any]

EXACT_PAIRS = 16
"""Up to so many pairs every one of the 2^n sign patterns is counted; beyond, they are drawn."""


class Interval(NamedTuple):
    """A confidence interval; both ends are NaN where the sample cannot give one."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """What a paired test found.

    Attributes:
        effect: by how much a exceeds b: in the mean, in a quantile, in the share of successes.
        interval: confidence interval of the effect (NaN ends for a single pair).
        p: probability under "a and b are exchangeable within each pair" of an effect at least as extreme.
        p_opposite: the same in the other direction, of a one-sided test; of a two-sided one ``p`` again.
        pairs: number of pairs n; no p-value can be below 2^-n one-sided (2^(1-n) two-sided).
        exact: whether every pattern was counted, or a sample of them.
    """

    effect: float
    interval: Interval
    p: float
    p_opposite: float
    pairs: int
    exact: bool


def _sample(x: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(x, dtype=np.float64).ravel()
    if values.size == 0:
        raise UserError(f"{name} has no values; at least one is needed")
    if not np.isfinite(values).all():
        raise UserError(
            f"{name} has a non-finite value ({values[~np.isfinite(values)][0]}); only finite numbers are accepted"
        )
    return values


def iqm(x: ArrayLike, axis: int | None = None) -> Any:
    """Interquartile mean: the mean of what is left when the lowest and the highest quarter are cut off.

    ``floor(n / 4)`` values go at each end, so fewer than four values are averaged whole. Robust to the one collapsed
    seed, yet uses half of the sample where the median uses one value (Agarwal et al. 2021, arXiv 2108.13264).

    Args:
        x: finite numbers of any shape; flattened unless ``axis`` is given.
        axis: average along this axis only.
    """
    from scipy.stats import trim_mean

    values = np.asarray(x, dtype=np.float64)
    if axis is not None:
        return trim_mean(values, 0.25, axis=axis)
    return float(trim_mean(_sample(values, "the sample"), 0.25))


def bootstrap_interval(
    x: ArrayLike,
    statistic: Statistic = np.mean,
    *,
    confidence: float = 0.95,
    resamples: int = 9_999,
    rng: np.random.Generator,
) -> Interval:
    """Bootstrap confidence interval of ``statistic`` over independent values (one a seed).

    Bias-corrected and accelerated (Efron 1987; ``scipy.stats.bootstrap``); where that is undefined, as for samples with
    many ties, the percentile interval. A single value has no interval (NaN, NaN). Equal values give an interval of
    width zero: the bootstrap cannot show a spread that the sample does not contain; do not read certainty into it.

    Args:
        x: finite numbers, at least one.
        statistic: a function of an array, or of an array and ``axis``.
        confidence: coverage in (0, 1).
        resamples: how many bootstrap samples are drawn.
        rng: the only source of randomness.
    """
    from scipy.stats import bootstrap

    values = _sample(x, "the sample")
    if not 0 < confidence < 1:
        raise UserError(f"confidence is {confidence}; a number between 0 and 1 is accepted")
    if values.size == 1:
        return Interval(float("nan"), float("nan"))
    if np.ptp(values) == 0:
        point = float(statistic(values))
        return Interval(point, point)
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            # BCa announces what it cannot do by warnings and NaN ends; the percentile interval then takes its place.
            warnings.simplefilter("ignore")
            found = bootstrap(
                (values,), statistic, confidence_level=confidence, n_resamples=resamples, method=method, rng=rng
            ).confidence_interval
        if np.isfinite(found).all():
            break
    return Interval(float(found.low), float(found.high))


def paired_permutation_test(
    a: ArrayLike,
    b: ArrayLike,
    alternative: Alternative = "two-sided",
    *,
    rng: np.random.Generator,
    resamples: int = 99_999,
    confidence: float = 0.95,
) -> PairedTest:
    """Sign-flip test of the mean of paired differences a − b (Fisher 1935).

    Under the null hypothesis each difference is as likely to carry either sign. Up to 16 pairs all 2^n patterns are
    counted and p is exact; beyond, ``resamples`` are drawn and p = (as extreme + 1) / (resamples + 1), never 0.
    Patterns that equal the observed one up to rounding count as extreme.

    Args:
        a, b: finite numbers of one length, paired by position (the same seed in both arms).
        alternative: "greater" asks whether a exceeds b, "less" whether b exceeds a.
        rng: draws sign patterns and the interval's resamples.
        resamples: sign patterns drawn where there are too many to count.
        confidence: coverage of the effect's interval.
    """
    first, second = pairs_of(a, b)
    if alternative not in ("two-sided", "greater", "less"):
        raise UserError(f"alternative is {alternative!r}; two-sided, greater and less are accepted")
    difference = first - second
    # Equal up to rounding: sums of n terms, each exact to half a unit in the last place of their total size.
    slack = 1e-12 * np.abs(difference).sum()
    exact = difference.size <= EXACT_PAIRS
    sums = _all_signed_sums(difference) if exact else _drawn_signed_sums(difference, resamples, rng)
    observed = difference.sum()

    def tail(extreme: NDArray[np.bool_]) -> float:
        return float(extreme.mean()) if exact else float((extreme.sum() + 1) / (resamples + 1))

    if alternative == "two-sided":
        p = p_opposite = tail(np.abs(sums) >= abs(observed) - slack)
    else:
        p, p_opposite = tail(sums >= observed - slack), tail(sums <= observed + slack)
        if alternative == "less":
            p, p_opposite = p_opposite, p
    return PairedTest(
        effect=float(difference.mean()),
        interval=bootstrap_interval(difference, confidence=confidence, rng=rng),
        p=p,
        p_opposite=p_opposite,
        pairs=int(difference.size),
        exact=exact,
    )


def probability_of_improvement(a: ArrayLike, b: ArrayLike, direction: Literal["higher", "lower"] = "higher") -> float:
    """How likely a run of a is to beat a run of b, whatever their seeds; ties count half (Agarwal et al. 2021, eq. 2).

    Mann and Whitney's U over the number of pairs: of all pairs of a value of a and one of b the share in which a's is
    the better one. 0.5 where neither is better, 1 where a's worst beats b's best.

    Args:
        a, b: at least one number of each; NaN is a run that failed, which beats none and ties with another.
        direction: which values are better.
    """
    return float(_wins(a, b, direction).mean())


def _wins(a: ArrayLike, b: ArrayLike, direction: Literal["higher", "lower"]) -> NDArray[np.float64]:
    """1 where a run of a (row) beats one of b (column), 0.5 where they tie."""
    sign = 1.0 if direction == "higher" else -1.0
    mine, theirs = (np.nan_to_num(sign * np.asarray(x, dtype=np.float64).ravel(), nan=-np.inf) for x in (a, b))
    return np.asarray((mine[:, None] > theirs) + 0.5 * (mine[:, None] == theirs))


def improvement_interval(
    a: ArrayLike,
    b: ArrayLike,
    direction: Literal["higher", "lower"] = "higher",
    *,
    confidence: float = 0.95,
    resamples: int = 9_999,
    rng: np.random.Generator,
) -> Interval:
    """Percentile bootstrap interval of :func:`probability_of_improvement`, as in rliable (Agarwal et al. 2021).

    The runs of a and those of b are drawn with replacement, each among its own. Where every run of a beats every one of
    b the interval has no width: the bootstrap cannot show what the sample does not contain.

    Args:
        a, b, direction: as of :func:`probability_of_improvement`. A single run of either has no interval (NaN, NaN).
        confidence: coverage in (0, 1).
        resamples: how many bootstrap samples are drawn.
        rng: the only source of randomness.
    """
    wins = _wins(a, b, direction)
    if min(wins.shape) < 2:
        return Interval(float("nan"), float("nan"))
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), resamples).astype(np.float64) for n in wins.shape)
    drawn = ((rows @ wins) * columns).sum(axis=1) / wins.size  # sums of halves: exact
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def paired_effect_size(a: ArrayLike, b: ArrayLike) -> float:
    """Cohen's d of paired differences: the mean of a − b over its standard deviation (Cohen 1988, d_z).

    0.2, 0.5 and 0.8 are commonly called small, medium and large. NaN for a single pair; where all pairs differ alike,
    infinite in the direction of the difference, and 0 where they do not differ.

    Args:
        a, b: finite numbers of one length, paired by position.
    """
    first, second = pairs_of(a, b)
    difference = first - second
    if difference.size < 2:
        return float("nan")
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    if spread <= 1e-12 * abs(mean):
        return float(np.copysign(np.inf, mean)) if mean else 0.0
    return mean / spread


def pairs_of(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as finite float64 arrays of one length.

    Raises:
        UserError: they are not.
    """
    first, second = _sample(a, "a"), _sample(b, "b")
    if first.size != second.size:
        raise UserError(f"a has {first.size} values and b {second.size}; pairs need one length")
    return first, second


def _all_signed_sums(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for d in difference:
        sums = np.concatenate([sums + d, sums - d])
    return sums


def _drawn_signed_sums(
    difference: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    total = np.zeros(resamples)
    for d in difference:
        total += d * rng.choice((-1.0, 1.0), size=resamples)
    return total


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: p-values that may be held against alpha together (Holm 1979).

    With the p-values in ascending order, the i-th (from 0) of m becomes ``max(previous, min(1, (m - i) p))``.
    """
    adjusted = [0.0] * len(p)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        running = max(running, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = running
    return adjusted


def smallest_p(pairs: int, comparisons: int = 1) -> float:
    """The smallest one-sided Holm-adjusted p that so many pairs can show at all: comparisons / 2^pairs, at most 1."""
    return min(1.0, comparisons * 0.5**pairs)

"""How many seeds a study would have needed to show what it measured: power at 80 %, one-sided, of paired tests."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

POWER = 0.8
MOST_SEEDS = 10_000
"""The search for a number of seeds ends here."""


def fewest_pairs(alpha: float) -> int:
    """The smallest n at which a paired exact test can fall below ``alpha`` at all: 2^-n < alpha."""
    return math.floor(-math.log2(alpha)) + 1


def seeds_for_mean(gains: ArrayLike, alpha: float) -> float:
    """Pairs at which a one-sided paired t-test shows the measured mean gain, given the measured spread.

    Args:
        gains: paired differences, positive where the treatment is better; float64[pairs].
        alpha: the one-sided level.

    Returns:
        NaN where the mean gain is not positive, infinity for more than ``MOST_SEEDS``.
    """
    values = np.asarray(gains, dtype=np.float64)
    mean = float(values.mean())
    if mean <= 0:
        return math.nan
    if len(values) < 2:
        return math.nan  # one pair tells no spread
    spread = float(values.std(ddof=1))
    if spread <= 1e-12 * mean:
        return fewest_pairs(alpha)
    return fewest(lambda pairs: mean_power(pairs, mean / spread, alpha), max(2, fewest_pairs(alpha)))


def mean_power(pairs: int, effect: float, alpha: float) -> float:
    """Probability that a one-sided paired t-test of so many pairs shows a standardised gain (Cohen 1988).

    1 − F(t_{1−α, n−1}), F the noncentral t with n − 1 degrees of freedom and noncentrality √n · effect.

    Args:
        pairs: n ≥ 2.
        effect: the mean paired gain over its standard deviation, above 0.
        alpha: the one-sided level.
    """
    from scipy.stats import nct, t

    return float(nct.sf(t.isf(alpha, pairs - 1), pairs - 1, math.sqrt(pairs) * effect))


def detectable_effect(pairs: int, alpha: float) -> float:
    """The gain in standard deviations that so many pairs show with 80 % power, by :func:`mean_power`; NaN for one."""
    from scipy.optimize import brentq

    if pairs < 2:
        return math.nan
    high = 1.0
    while mean_power(pairs, high, alpha) < POWER:
        high *= 2
    return float(brentq(lambda effect: mean_power(pairs, effect, alpha) - POWER, 0.0, high))


def seeds_for_proportions(only_treatment: float, only_control: float, alpha: float) -> float:
    """Pairs at which the exact test of McNemar shows that more pairs favour the treatment than the control.

    Args:
        only_treatment: probability of a pair in which only the treatment succeeds.
        only_control: the same for the control.
        alpha: the one-sided level.
    """
    if only_treatment <= only_control:
        return math.nan
    return fewest(lambda pairs: mcnemar_power(pairs, only_treatment, only_control, alpha), fewest_pairs(alpha))


def mcnemar_power(pairs: int, only_treatment: float, only_control: float, alpha: float) -> float:
    """Probability that the exact one-sided test has p ≤ alpha: over the number d of discordant pairs, then within them.

    Σ_d Bin(d; n, π₁ + π₂) · P(B ≥ b(d)),  B ~ Bin(d, π₁ / (π₁ + π₂)),  b(d) the least with P(Bin(d, ½) ≥ b) ≤ α
    """
    from scipy.stats import binom

    either = only_treatment + only_control
    discordant = np.arange(pairs + 1)
    critical = binom.isf(alpha, discordant, 0.5) + 1
    rejected = binom.sf(critical - 1, discordant, only_treatment / either)
    return float((binom.pmf(discordant, pairs, either) * rejected).sum())


def fewest(power: Callable[[int], float], least: int) -> float:
    """The least number of pairs with the wanted power, by doubling and halving; infinity past ``MOST_SEEDS``."""
    few = many = least
    while power(many) < POWER:
        if many >= MOST_SEEDS:
            return math.inf
        few, many = many + 1, min(2 * many, MOST_SEEDS)
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if power(middle) >= POWER else (middle + 1, many)
    return float(few)

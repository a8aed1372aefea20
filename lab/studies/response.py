"""The phase-response curve: how a score depends on the offset at which one voice is slid along the cycle.

Let y_sk be the score of seed s at offset φ_k = k/n of a cycle, k = 0 … n−1, n ≥ 3. The first harmonic of each seed is

    a_s = (2/n) Σ_k y_sk cos 2πφ_k        b_s = (2/n) Σ_k y_sk sin 2πφ_k

which is the least-squares fit of m_s + a_s cos 2πφ + b_s sin 2πφ, as the offsets are evenly spaced, and does not depend
on the seed's own level m_s. Its mean (a, b) over the S seeds has the amplitude R = √(a² + b²) and its peak at the phase
atan2(b, a) / 2π. Pure functions of arrays; what is random takes its generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lab.errors import UserError
from lab.studies.permutations import PERMUTATIONS, Floats, permutation_p
from lab.studies.power import POWER, fewest

FEWEST_OFFSETS = 3
"""A level and two coefficients are fitted."""


@dataclass(frozen=True)
class Response:
    """What a phase-response study found.

    Attributes:
        offsets: float64[n], in cycles.
        means: mean score at each offset over the seeds, float64[n].
        level: mean over all offsets.
        amplitude: R of the fitted harmonic, ≥ 0, in units of the score; peak to trough is twice as much.
        amplitude_interval: of R, from the seeds' components along the fitted phase (Student's t), and from 0 where
            ``p`` does not refuse 0. That phase is of the same data: without the second rule the interval of ten seeds
            would leave 0 out in 14 % of studies of nothing; with it simulated studies of any size are covered.
        phase: where the fitted harmonic is best, in cycles in [0, 1).
        phase_interval: of that phase, ``(low, high)`` in cycles with low ≤ phase ≤ high, which may reach below 0 or
            above 1; None where every phase is compatible with the data (Fieller 1954).
        p: probability, if the offset made no difference within a seed, of an amplitude at least as large.
        seeds: how many seeds have a score at every offset.
        detectable: the amplitude that so many seeds would have shown with 80 % power; NaN for fewer than three.
        seeds_needed: seeds that would show the measured harmonic with 80 % power; None if more than 10,000.
    """

    offsets: Floats
    means: Floats
    level: float
    amplitude: float
    amplitude_interval: tuple[float, float]
    phase: float
    phase_interval: tuple[float, float] | None
    p: float
    seeds: int
    detectable: float
    seeds_needed: int | None


def harmonics(scores: ArrayLike) -> Floats:
    """The first harmonic of each seed, float64[seeds, 2] of (a, b), from scores [seeds, offsets]."""
    values = np.asarray(scores, dtype=np.float64)
    return values @ _basis(values.shape[-1])


def respond(
    scores: ArrayLike,
    *,
    higher: bool = True,
    alpha: float = 0.05,
    permutations: int = PERMUTATIONS,
    rng: np.random.Generator,
) -> Response:
    """Fit, test and bound the first harmonic.

    Args:
        scores: finite numbers [seeds, offsets]; column k belongs to the offset k/n.
        higher: whether the best phase is the harmonic's peak, or its trough.
        alpha: of the test and of the intervals, which have the confidence 1 − alpha.
        permutations: how many permutations of the offsets within each seed are drawn.
        rng: draws them.

    Raises:
        UserError: fewer than three offsets, no seed, or a score that is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < FEWEST_OFFSETS or not len(values):
        raise UserError(f"scores of shape {list(values.shape)}: at least one seed and {FEWEST_OFFSETS} offsets belong")
    if not np.isfinite(values).all():
        raise UserError("scores: one is not finite; a seed counts only with a score at every offset")
    seeds, n = values.shape
    centred = values - values.mean(axis=1, keepdims=True)  # without the level a flat curve is exactly flat
    each = harmonics(centred)
    mean = each.mean(axis=0)
    amplitude = float(np.hypot(*mean))
    sign = 1.0 if higher else -1.0
    phase = float(np.arctan2(sign * mean[1], sign * mean[0]) / (2 * math.pi) % 1.0) % 1.0  # twice: -1e-17 % 1 is 1
    p = permutation_p(centred, _amplitudes, amplitude, rng, permutations)
    low, high = _amplitude_interval(each, mean, alpha)
    return Response(
        offsets=np.arange(n) / n,
        means=values.mean(axis=0),
        level=float(values.mean()),
        amplitude=amplitude,
        amplitude_interval=(low if p < alpha else min(low, 0.0), high),
        phase=phase,
        phase_interval=_phase_interval(each, mean, phase, alpha),
        p=p,
        seeds=seeds,
        detectable=_detectable(each, mean, alpha),
        seeds_needed=_seeds_needed(each, mean, alpha),
    )


def fitted(response: Response, phases: ArrayLike, higher: bool = True) -> Floats:
    """The fitted harmonic at phases in cycles."""
    swing = np.cos(2 * math.pi * (np.asarray(phases, dtype=np.float64) - response.phase))
    return np.asarray(response.level + (1 if higher else -1) * response.amplitude * swing)


def _amplitudes(means: Floats) -> Floats:
    found = means @ _basis(means.shape[1])
    return np.asarray(np.hypot(found[:, 0], found[:, 1]))


def _basis(n: int) -> Floats:
    angle = 2 * math.pi * np.arange(n) / n
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * (2 / n)


def _amplitude_interval(each: Floats, mean: Floats, alpha: float) -> tuple[float, float]:
    from scipy.stats import t

    size = float(np.hypot(*mean))
    if len(each) < 2 or size == 0:
        return (math.nan, math.nan)
    along = each @ (mean / size)
    half = float(t.ppf(1 - alpha / 2, len(each) - 1) * along.std(ddof=1) / math.sqrt(len(each)))
    return (max(0.0, size - half), size + half)


def _phase_interval(each: Floats, mean: Floats, phase: float, alpha: float) -> tuple[float, float] | None:
    """The phases at which a t-test does not refuse that the harmonic has no component a quarter of a cycle away.

    With u(φ) perpendicular to the direction φ, these are the φ with (u·m)² ≤ t² uᵀSu/n for the mean m and covariance
    S of the seeds' harmonics: uᵀQu ≤ 0 with Q = mmᵀ − t²S/n. One eigenvalue of Q positive and one not: an arc around
    the eigenvector of the first. Both not: every phase. At the true phase the test has its level, the arc its coverage.
    """
    from scipy.stats import t

    seeds = len(each)
    if seeds < 2:
        return None
    bound = float(t.ppf(1 - alpha / 2, seeds - 1)) ** 2 / seeds
    values, vectors = np.linalg.eigh(np.outer(mean, mean) - bound * np.cov(each, rowvar=False))
    if values[1] <= 0:
        return None
    half = math.atan(math.sqrt(max(0.0, -values[0]) / values[1])) / (2 * math.pi)
    axis = math.atan2(vectors[1, 1], vectors[0, 1]) / (2 * math.pi)
    center = phase + (axis - phase + 0.25) % 0.5 - 0.25  # an axis has no sense: the end of it that is near the phase
    return (center - half, center + half)


def _detectable(each: Floats, mean: Floats, alpha: float) -> float:
    """The amplitude, in the measured direction, that this many seeds would show with 80 % power."""
    per_seed = _strength(each, mean)
    if not math.isfinite(per_seed) or per_seed == 0 or len(each) <= 2:
        return math.nan
    needed = _noncentrality(len(each), alpha)
    return float(np.hypot(*mean)) * math.sqrt(needed / (len(each) * per_seed))


def _seeds_needed(each: Floats, mean: Floats, alpha: float) -> int | None:
    from scipy.stats import f, ncf

    per_seed = _strength(each, mean)
    if not math.isfinite(per_seed) or per_seed <= 0:
        return None

    def power(seeds: int) -> float:
        critical = f.ppf(1 - alpha, 2, seeds - 2)
        return float(ncf.sf(critical, 2, seeds - 2, seeds * per_seed))

    found = fewest(power, 3)
    return None if math.isinf(found) else int(found)


def _strength(each: Floats, mean: Floats) -> float:
    """mᵀS⁻¹m, what one seed adds to the noncentrality of Hotelling's T²; NaN where the covariance has no inverse."""
    if len(each) < 3:
        return math.nan
    covariance = np.cov(each, rowvar=False)
    if np.linalg.matrix_rank(covariance) < 2:
        return math.nan
    return float(mean @ np.linalg.solve(covariance, mean))


def _noncentrality(seeds: int, alpha: float) -> float:
    """The noncentrality at which Hotelling's test of so many seeds has 80 % power."""
    from scipy.optimize import brentq
    from scipy.stats import f, ncf

    critical = f.ppf(1 - alpha, 2, seeds - 2)

    def missing(noncentrality: float) -> float:
        return float(ncf.sf(critical, 2, seeds - 2, noncentrality)) - POWER

    high: Any = 1.0
    while missing(high) < 0:
        high *= 2
    return float(brentq(missing, 1e-6, high))

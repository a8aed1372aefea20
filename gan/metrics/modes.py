"""How samples spread over known modes or classes: coverage of a mixture in the plane, a histogram's evenness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.metrics.values import Floats, host, require_finite

CHUNK = 2**20
"""Distances from samples to modes that are looked at at once."""
GOOD = 3.0
"""A sample is good within this many standard deviations of the nearest mode (ANCHORS §2; Srivastava et al. 2017)."""


@dataclass(frozen=True)
class ModeCoverage:
    """How samples spread over the modes of a mixture.

    Attributes:
        modes: modes that have at least one good sample.
        good: share of samples within 3σ of their nearest mode, in [0, 1]; a perfect sampler in the plane reaches
            1 − exp(−9/2) = 0.9889.
        reverse_kl: KL(generated ‖ real) in nats between the histogram of nearest modes, over all samples, and the
            uniform one: Σ p·log(p·k) for k modes. 0 at best, log k when one mode takes all; a perfect sampler of n
            samples reaches (k − 1)/2n on average (0.0014 for 8 modes and 2,500 samples).
    """

    modes: int
    good: float
    reverse_kl: float


def mode_coverage(samples: Any, centers: Any, std: float) -> ModeCoverage:
    """Score samples of an equally weighted mixture of round Gaussians.

    Args:
        samples: array or tensor [n, d] of finite numbers.
        centers: the means, array or tensor [k, d].
        std: standard deviation of each Gaussian, per axis.
    """
    points, means = host(samples), host(centers)
    if points.ndim != 2 or points.shape[1:] != means.shape[1:] or not len(points):
        raise ValueError(
            f"samples of shape {points.shape} for centers of shape {means.shape}: [n, d] and [k, d] belong"
        )
    require_finite(points)
    nearest, squared = _nearest(points, means)
    good = squared <= (GOOD * std) ** 2
    modes = np.unique(nearest[good]).size
    return ModeCoverage(
        int(modes), float(good.mean()), divergence_from_uniform(np.bincount(nearest, minlength=len(means)))
    )


def _nearest(points: Floats, means: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Of each point the nearest mean, and the squared distance to it."""
    nearest, squared = np.empty(len(points), np.intp), np.empty(len(points))
    rows = max(1, CHUNK // len(means))
    for first in range(0, len(points), rows):
        part = slice(first, first + rows)
        found = ((points[part, None, :] - means[None, :, :]) ** 2).sum(axis=2)
        nearest[part], squared[part] = found.argmin(axis=1), found.min(axis=1)
    return nearest, squared


def divergence_from_uniform(counts: Any) -> float:
    """KL(p ‖ uniform) in nats of the histogram p = counts/Σcounts over k bins; between 0 and log k."""
    counts = np.asarray(counts, np.float64)
    p = counts[counts > 0] / counts.sum()
    return float(np.sum(p * np.log(p * len(counts))))

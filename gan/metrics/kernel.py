"""The kernel distance (KID): an unbiased squared maximum mean discrepancy under a cubic kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan.metrics.pairs import CHUNK, Meter, Progress, distances, row_sums
from gan.metrics.values import pair


@dataclass(frozen=True)
class KernelDistance:
    """An estimate of the squared MMD; without bias, so about 0, and as often below, for equal distributions.

    Attributes:
        value: the estimate.
        standard_error: of the value, to first order, from how its terms vary from point to point (the projection of a
            U-statistic; Hoeffding 1948). Where the distributions are equal that order vanishes, and this is too large,
            by a factor of about √2.
    """

    value: float
    standard_error: float


def kernel_distance(real: Any, fake: Any, chunk: int = CHUNK, progress: Progress | None = None) -> KernelDistance:
    """The unbiased MMD² of KID (Bińkowski et al. 2018) over all pairs, k(x, y) = (x·y/d + 1)³.

    Args:
        real, fake: arrays or tensors [n, d] and [m, d], n and m at least 2; on an accelerator the work is done there.
        chunk: rows held at once, about 24·chunk·max(n, m) bytes; no number depends on it.
        progress: told of rows done and in all.

    Raises:
        ValueError: too few points, or values that are not finite.
    """
    a, b = pair(real, fake)
    n, m = len(a), len(b)
    if min(n, m) < 2:
        raise ValueError(f"{n} real and {m} generated points: at least 2 of each are needed")
    meter = Meter(progress, 2 * (n + m))
    # What each point adds: its mean kernel with the others of its set, less that with the other set.
    of_real = _similar(a, chunk, meter) - _sums(a, b, chunk, meter) / m
    of_fake = _similar(b, chunk, meter) - _sums(b, a, chunk, meter) / n
    variance = _variance(of_real) / n + _variance(of_fake) / m
    return KernelDistance(math.fsum(of_real.tolist()) / n + math.fsum(of_fake.tolist()) / m, 2 * math.sqrt(variance))


def _similar(points: Tensor, chunk: int, meter: Meter) -> Tensor:
    """Mean kernel of each point with the other points of its set, float64[n]."""
    itself = (_norms(points) / points.shape[1] + 1) ** 3
    return (_sums(points, points, chunk, meter) - itself) / (len(points) - 1)


def _sums(points: Tensor, others: Tensor, chunk: int, meter: Meter) -> Tensor:
    """Sum of the kernel of each point with all others [m, d], float64[n]; products come from distances, bit for bit."""
    own, their = _norms(points), _norms(others)
    found = []
    for rows, block in distances(points, others, chunk, meter):
        block.square_().neg_().add_(own[rows, None]).add_(their).mul_(0.5 / points.shape[1]).add_(1)
        found.append(row_sums(block * block * block))
    return torch.cat(found)


def _norms(points: Tensor) -> Tensor:
    return row_sums(points * points)


def _variance(values: Tensor) -> float:
    """Sample variance, by exact sums."""
    numbers = values.tolist()
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)

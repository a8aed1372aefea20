"""Precision, recall, density and coverage: two sets compared by the balls that reach to each point's neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan.metrics.pairs import CHUNK, Meter, Progress, distances
from gan.metrics.values import pair

NEIGHBOURS = 5
"""The k of Naeem et al. 2020; Kynkäänniemi et al. 2019 took 3."""


@dataclass(frozen=True)
class Prdc:
    """How far real and generated points lie in each other's manifold, a closed ball around each point up to its k-th
    nearest neighbour of the same set.

    Attributes:
        precision: share of generated points in a real ball (Kynkäänniemi et al. 2019, eq. 2), in [0, 1].
        recall: share of real points in a generated ball (same place), in [0, 1].
        density: real balls around a generated point, on average, over k (Naeem et al. 2020); at least 0, about 1
            for equal distributions, and above where generated points crowd where real ones do.
        coverage: share of real balls that hold a generated point (same place), in [0, 1]; for equal
            distributions and large equal sets 1 − 2⁻ᵏ on average, 0.969 for k = 5.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Any, fake: Any, k: int = NEIGHBOURS, chunk: int = CHUNK, progress: Progress | None = None) -> Prdc:
    """Precision, recall, density and coverage of generated points; only comparable for equal numbers of points and k.

    Args:
        real, fake: arrays or tensors [n, d] and [m, d], n and m above k; on an accelerator the work is done there.
        k: which neighbour a ball reaches to.
        chunk: rows held at once, 8·chunk·max(n, m) bytes a block; no number depends on it.
        progress: told of rows done and in all.

    Raises:
        ValueError: too few points, or values that are not finite.
    """
    a, b = pair(real, fake)
    if not 1 <= k < min(len(a), len(b)):
        raise ValueError(
            f"k = {k} for {len(a)} real and {len(b)} generated points: it must be at least 1 and below both"
        )
    meter = Meter(progress, 2 * len(a) + len(b))
    real_radii, fake_radii = radii(a, k, chunk, meter), radii(b, k, chunk, meter)
    in_real = torch.zeros(len(b), dtype=torch.int64, device=b.device)
    recalled, covered = 0, 0
    for rows, block in distances(a, b, chunk, meter):
        inside = block <= real_radii[rows, None]
        in_real += inside.sum(dim=0)
        covered += int(inside.any(dim=1).sum())
        recalled += int((block <= fake_radii).any(dim=1).sum())
    return Prdc(
        precision=int((in_real > 0).sum()) / len(b),
        recall=recalled / len(a),
        density=int(in_real.sum()) / (k * len(b)),
        coverage=covered / len(a),
    )


def radii(points: Tensor, k: int, chunk: int, meter: Meter) -> Tensor:
    """Distance of each point to its k-th nearest neighbour among the others, float64[n]."""
    found = [
        block.topk(k + 1, dim=1, largest=False).values[:, -1] for _, block in distances(points, points, chunk, meter)
    ]
    return torch.cat(found)

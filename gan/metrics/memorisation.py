"""Memorisation: the training items nearest to each sample, and whether samples lie nearer to them than they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gan.metrics.pairs import Meter, Progress
from gan.metrics.values import Floats, device_of, rows

CHUNK = 1024
"""Rows and columns of a block: 8 MiB of distances, and twice 8·CHUNK·d bytes of points."""


@dataclass(frozen=True)
class Nearest:
    """For n samples their k nearest training items, nearest first.

    Attributes:
        indices: into the training set, int64[n, k].
        distances: Euclidean, float64[n, k], in the units of the values compared.
    """

    indices: npt.NDArray[np.int64]
    distances: Floats


def nearest(samples: Any, training: Any, k: int = 1, chunk: int = CHUNK, progress: Progress | None = None) -> Nearest:
    """The ``k`` training items nearest to each sample by brute force.

    Candidates are found by a matrix product, in float64, and their distances then computed by subtraction: a copy is at
    distance 0 exactly. Of equally near items the earlier is given; items count as equally near within the rounding of
    the product, about 1e-15 of the squared lengths, which is none for bytes.

    Args:
        samples, training: arrays or tensors [n, …] and [m, …] of one item shape, such as images or features; on an
            accelerator the work is done there.
        k: how many, in 1 … m.
        chunk: samples, and training items, held at once as float64.
        progress: told of samples done and in all.

    Raises:
        ValueError: k out of range, shapes that do not fit, or values that are not finite.
    """
    return _search(samples, training, k, chunk, Meter(progress, len(samples)))


def _search(samples: Any, training: Any, k: int, chunk: int, meter: Meter) -> Nearest:
    if samples.shape[1:] != training.shape[1:]:
        raise ValueError(
            f"items of shape {tuple(samples.shape[1:])} and {tuple(training.shape[1:])} cannot be compared"
        )
    if not len(samples) or not 1 <= k <= len(training):
        raise ValueError(f"k = {k} for {len(samples)} samples and {len(training)} training items: at most as many are")
    if chunk < 1:
        raise ValueError(f"chunk: {chunk} is not accepted; it must be at least 1")
    device = device_of(samples, training)
    found = []
    for start in range(0, len(samples), chunk):
        found.append(_nearest(rows(samples[start : start + chunk], device), training, k, chunk))
        meter.add(len(found[-1][0]))
    indices, distances = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return Nearest(indices, distances)


def _nearest(points: Tensor, training: Any, k: int, chunk: int) -> tuple[Tensor, Tensor]:
    """Indices and distances [c, k] for points float64[c, d], with one chunk of the training set in memory at a time."""
    scores = points.new_full((len(points), 0), torch.inf)
    indices = torch.zeros((len(points), 0), dtype=torch.int64, device=points.device)
    distances = scores
    for start in range(0, len(training), chunk):
        part = rows(training[start : start + chunk], points.device)
        # Squared distances, less the square of the point itself, which orders nothing.
        block = (part * part).sum(dim=1) - 2 * points @ part.T
        best, place = _smallest(block, min(k, len(part)))
        exact = torch.stack([(points - part[column]).square().sum(dim=1).sqrt() for column in place.T], dim=1)
        scores, indices, distances = (
            torch.cat(both, dim=1) for both in ((scores, best), (indices, place + start), (distances, exact))
        )
        scores, place = _smallest(scores, min(k, scores.shape[1]))
        indices, distances = indices.gather(1, place), distances.gather(1, place)
    order = distances.argsort(dim=1, stable=True)
    return indices.gather(1, order), distances.gather(1, order)


def _smallest(block: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` smallest of each row with their columns, smallest first, of equals the first (``topk`` gives any)."""
    block, values, columns = block.clone(), [], []
    for _ in range(k):
        value, column = block.min(dim=1, keepdim=True)
        block.scatter_(1, column, torch.inf)
        values.append(value)
        columns.append(column)
    return torch.cat(values, dim=1), torch.cat(columns, dim=1)


@dataclass(frozen=True)
class Copying:
    """The three-sample test for data-copying (Meehan, Chaudhuri & Dasgupta 2020), over the whole space as one cell.

    Attributes:
        share: chance that a sample lies nearer to the training set than a held-out item does, equals counted half
            (Mann & Whitney's U over n·m), in [0, 1]. About ½ for samples of the true distribution, above where they
            are near-copies of training items, below where they miss the data. One number for the whole space: copying
            in one region can hide behind samples that are far off in another.
        p_value: of the one-sided test whose null hypothesis is that samples are no nearer than held-out items.
    """

    share: float
    p_value: float


def copying(
    samples: Any, training: Any, held_out: Any, chunk: int = CHUNK, progress: Progress | None = None
) -> Copying:
    """Whether samples lie nearer to the training set than real items that were held out of it.

    Args:
        samples: array or tensor [n, …] of generated items.
        training: [t, …], what the generator learned from.
        held_out: [m, …], real items of the same distribution that it never saw.
        chunk: items held at once as float64.
        progress: told of samples and held-out items done and in all.

    Raises:
        ValueError: as for :func:`nearest`.
    """
    from scipy import stats  # a second to import, which no training should wait for

    meter = Meter(progress, len(samples) + len(held_out))
    of_samples, of_held_out = (_search(items, training, 1, chunk, meter) for items in (samples, held_out))
    near, far = of_samples.distances[:, 0], of_held_out.distances[:, 0]
    test = stats.mannwhitneyu(far, near, alternative="greater")
    return Copying(float(test.statistic) / (len(near) * len(far)), float(test.pvalue))

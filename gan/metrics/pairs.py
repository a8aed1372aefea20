"""All pairs of two sets of points, a few rows at a time: what keeps pairwise metrics within memory.

Each distance is computed from its own two points by subtraction, and rows are summed by elementwise additions in a
fixed order. So no number depends, even in its last bit, on how many rows are held at once; a matrix product would not
promise that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 64
"""Rows held at once: 8·CHUNK·m bytes for m columns, three times over in the kernel distance."""

Progress = Callable[[int, int], None]
"""Told, after each chunk, how many rows are done and how many there are in all."""


class Meter:
    """Counts rows through the passes of one metric and tells ``progress``."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._done, self._total = 0, total

    def add(self, rows: int) -> None:
        """Count ``rows`` more."""
        self._done += rows
        if self._progress is not None:
            self._progress(self._done, self._total)


def distances(points: Tensor, others: Tensor, chunk: int, meter: Meter) -> Iterator[tuple[slice, Tensor]]:
    """Euclidean distances of float64 points [n, d] to others [m, d]: slices of the rows, each with its block [·, m]."""
    if chunk < 1:
        raise ValueError(f"chunk: {chunk} is not accepted; it must be at least 1")
    for start in range(0, len(points), chunk):
        part = points[start : start + chunk]
        yield (
            slice(start, start + len(part)),
            torch.cdist(part, others, compute_mode="donot_use_mm_for_euclid_dist"),
        )
        meter.add(len(part))


def row_sums(block: Tensor) -> Tensor:
    """Sums over the last axis, folded in halves: every addition is elementwise, so the shape cannot reorder them."""
    while (width := block.shape[-1]) > 1:
        half = (width + 1) // 2
        block = block[..., :half] + functional.pad(block[..., half:], (0, 2 * half - width))
    return block[..., 0]

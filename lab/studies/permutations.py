"""The permutation test of a study whose arms are many values of one thing: within each seed any order is as likely."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PERMUTATIONS = 9_999
BLOCK = 1_000
"""Permutations that are held in memory at once."""


def permutation_p(
    values: Floats,
    statistic: Callable[[Floats], Floats],
    observed: float,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> float:
    """The share of permutations with as large a statistic, the observed one counted among them; never 0.

    If the arm makes no difference, the scores of a seed are as likely in any order: every permutation within seeds is
    equally probable, so the test is exact for the permutations drawn (Davison & Hinkley 1997, section 4.3).

    Args:
        values: scores [seeds, arms], each seed's own level taken off.
        statistic: of means over the seeds, [blocks, arms] -> [blocks].
        observed: its value of the means as they are.
        rng: draws the permutations.
        permutations: how many.
    """
    seeds, n = values.shape
    slack = 1e-12 * np.abs(values).max()
    extreme = 0
    for begin in range(0, permutations, BLOCK):
        block = min(BLOCK, permutations - begin)
        order = np.argsort(rng.random((block, seeds, n)), axis=2)
        mixed = np.take_along_axis(np.broadcast_to(values, (block, seeds, n)), order, axis=2)
        extreme += int((statistic(mixed.mean(axis=1)) >= observed - slack).sum())
    return (extreme + 1) / (permutations + 1)

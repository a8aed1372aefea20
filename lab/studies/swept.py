"""What a sweep found: whether the score depends on where the quantities stand at all, and where it was best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lab.errors import UserError
from lab.studies.permutations import Floats, permutation_p


@dataclass(frozen=True)
class Swept:
    """Of the arms of a sweep, in their order.

    Attributes:
        means: over the seeds with a score in every arm, float64[arms].
        best: the place of the best of them.
        spread: standard deviation of the means, in units of the score.
        p: probability, if no value made a difference within a seed, of a spread at least as large.
        seeds: how many seeds have a score in every arm.
    """

    means: Floats
    best: int
    spread: float
    p: float
    seeds: int


def sweep_over(scores: ArrayLike, *, higher: bool = True, rng: np.random.Generator) -> Swept:
    """Describe a sweep and test whether it made any difference, without a shape in mind.

    Args:
        scores: finite numbers [seeds, arms].
        higher: whether more is better.
        rng: draws the permutations of the arms within each seed.

    Raises:
        UserError: fewer than two arms, no seed, or a score that is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or not len(values) or not np.isfinite(values).all():
        raise UserError(f"scores of shape {list(values.shape)}: finite ones of at least one seed and two arms belong")
    centred = values - values.mean(axis=1, keepdims=True)
    means, spread = values.mean(axis=0), float(_spread(centred.mean(axis=0)[None])[0])
    return Swept(
        means=means,
        best=int(means.argmax() if higher else means.argmin()),
        spread=spread,
        p=permutation_p(centred, _spread, spread, rng),
        seeds=len(values),
    )


def _spread(means: Floats) -> Floats:
    found: Floats = means.std(axis=1)
    return found

"""Along the straight line between two points of training: which way the game pulls, and how strongly.

Berard et al. 2020, "A Closer Look at the Optimization Landscapes of Generative Adversarial Networks" (ICLR, arXiv
1906.04848), section 4. With v the gradient vector field of the game (each player's own loss's gradient, one after the
other), ω the start, ω* a point of convergence and ω(α) = (1 − α) ω + α ω*:

    path angle  c(α) = ⟨ω* − ω, v(ω(α))⟩ / (‖ω* − ω‖ ‖v(ω(α))‖)        path norm  n(α) = ‖v(ω(α))‖

A minimisation that ends well switches sign at α = 1: from going down before it (c < 0, as descent follows −v) to going
up behind it. A game that rotates shows a bump there: the angle has the same sign on both sides of a spike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Field = Callable[[Floats], ArrayLike]
"""From a point [n] to the vector field there, [n]."""

ALPHAS = np.linspace(0.6, 1.4, 81)
"""Where the paper looks: well around the end point."""
NEAR, BUMP = 0.1, 1.5
"""Half the width of the stretch that is the end itself; how far a bump there rises above the stretches beside it."""


@dataclass(frozen=True)
class Path:
    """The field seen along a line.

    Attributes:
        alphas: places on it, 0 the start and 1 the end, float64[k].
        angle: c, cosines in [−1, 1], float64[k]; NaN where the field vanishes.
        norm: n ≥ 0, float64[k].
    """

    alphas: Floats
    angle: Floats
    norm: Floats

    @property
    def switches(self) -> bool:
        """Whether the field pulls towards the end from before it, and back to it from behind: the sign of descent."""
        before, behind = self._sides()
        return before < 0 < behind

    @property
    def bump(self) -> bool:
        """Whether the angle near the end is half as large again as on both sides: the sign of a rotation."""
        near = np.abs(self.alphas - 1.0) <= NEAR
        peak = np.abs(self.angle[near & np.isfinite(self.angle)]).max(initial=0.0)
        return bool(peak >= BUMP * max(abs(side) for side in self._sides()))

    def sentence(self) -> str:
        """What the two signs say."""
        before, behind = self._sides()
        sides = f"the path angle's median is {before:.2g} before the end and {behind:.2g} behind it"
        if self.switches:
            what = (
                "a bump: the signs of a rotation that closes in"
                if self.bump
                else "no bump: the sign of descent that ends here"
            )
            return f"{sides}: a switch of sign and {what}."
        if self.bump:
            return f"{sides}: a bump and no switch of sign, the sign of a rotation."
        return f"{sides}: neither a switch of sign nor a bump; the end is no equilibrium on this line."

    def _sides(self) -> tuple[float, float]:
        """Median angles of the stretches before and behind the end; NaN where nothing was looked at there."""
        found = []
        for inside in (self.alphas < 1.0 - NEAR, self.alphas > 1.0 + NEAR):
            known = self.angle[inside & np.isfinite(self.angle)]
            found.append(float(np.median(known)) if len(known) else float("nan"))
        return found[0], found[1]


def path(field: Field, start: ArrayLike, end: ArrayLike, alphas: ArrayLike = ALPHAS) -> Path:
    """Path angle and path norm.

    Args:
        field: v, called at each place in turn.
        start, end: ω and ω*, [n], not the same point.
        alphas: places on the line, [k]; beyond 1 lies what training has not seen.

    Raises:
        ValueError: the two points are one, or of different shapes.
    """
    begin, stop = np.asarray(start, dtype=np.float64).ravel(), np.asarray(end, dtype=np.float64).ravel()
    if begin.shape != stop.shape:
        raise ValueError(f"start has {begin.size} numbers and end {stop.size}; the same number is accepted")
    line = stop - begin
    length = float(np.linalg.norm(line))
    if length == 0.0:
        raise ValueError("start and end are the same point; two different ones are accepted")
    places = np.asarray(alphas, dtype=np.float64).ravel()
    fields = np.stack([np.asarray(field(begin + place * line), dtype=np.float64).ravel() for place in places])
    norm = np.linalg.norm(fields, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.where(norm > 0, fields @ line / (length * norm), np.nan)
    return Path(places, np.clip(angle, -1.0, 1.0), norm)


def travelled(points: Sequence[ArrayLike] | NDArray[np.floating]) -> tuple[Floats, Floats]:
    """How far training has gone: along its way, and as the crow flies.

    Args:
        points: weights at successive moments, [k, n].

    Returns:
        Two arrays float64[k]: the length of the way so far, and the distance from the first point.
    """
    places = np.asarray(points, dtype=np.float64)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)]), np.linalg.norm(places - places[0], axis=1)


def turning(points: Sequence[ArrayLike] | NDArray[np.floating]) -> Floats:
    """Cosine between successive moves: 1 where training goes straight on, −1 where it comes back.

    Args:
        points: weights at successive moments, [k, n], at least three.

    Returns:
        float64[k − 2]; NaN where nothing moved.
    """
    moves = np.diff(np.asarray(points, dtype=np.float64), axis=0)
    lengths = np.linalg.norm(moves, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines: Floats = (moves[1:] * moves[:-1]).sum(axis=1) / (lengths[1:] * lengths[:-1])
    return cosines

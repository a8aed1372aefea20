"""Floquet multipliers of a game under periodic learning rates: by what one whole cycle multiplies a small deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.diagnostics.games import Floats, Game
from lab.phase import PhaseError, Voice
from lab.phase.errors import number, refuse, whole

Updates: TypeAlias = Literal["alternating", "simultaneous"]
Player: TypeAlias = Literal["generator", "discriminator"]
Verdict: TypeAlias = Literal["stable", "neutral", "unstable"]

NEUTRAL = 1e-9
"""Growth per step that no training is long enough to see, and rounding may cause."""
PORTION = 4096
"""So many steps' matrices are held at a time."""


@dataclass(frozen=True)
class Method:
    """How the players step.

    Attributes:
        updates: alternating, where the second player sees the new state of the first; or simultaneous, where both see
            the old one.
        momentum: β of both players, m ← βm + v(x), x ← x + ηm, as torch's SGD; in (−1, 1). Negative momentum damps
            rotations (Gidel et al. 2019, arXiv 1807.04740).
        first: who alternates first; the trainer of GANs begins with the discriminator.
    """

    updates: Updates = "alternating"
    momentum: float = 0.0
    first: Player = "generator"

    def __post_init__(self) -> None:
        if self.updates not in ("alternating", "simultaneous"):
            raise refuse("updates", self.updates, "alternating or simultaneous")
        if not -1 < number("momentum", self.momentum) < 1:
            raise refuse("momentum", self.momentum, "a number above -1 and below 1")
        if self.first not in ("generator", "discriminator"):
            raise refuse("first", self.first, "generator or discriminator")


PLAIN = Method()
"""Alternating gradient steps without momentum."""


def cosine_rates(lr: float, modulation: ArrayLike, period: int, offset: ArrayLike) -> Floats:
    """The rates of one cycle, η(t) = L·(1 + M·cos 2π(t/P + offset)), t = 0, …, P − 1.

    Args:
        lr: L, the mean rate.
        modulation: M, float[...]; above 1 the rate is negative for a part of the cycle (a slingshot).
        period: P, steps a cycle.
        offset: in cycles, float[...]: how far the wave is ahead.

    Returns:
        float64[..., P].
    """
    # The phase is reduced before the cosine: cos of thousands of turns would lose digits.
    phase = (np.arange(period) / period + np.asarray(offset, dtype=np.float64)[..., None]) % 1.0
    rates: Floats = lr * (1.0 + np.asarray(modulation, dtype=np.float64)[..., None] * np.cos(2.0 * np.pi * phase))
    return rates


def rates_of(voice: Voice, period: int) -> Floats:
    """The values of any voice of :mod:`lab.phase` over one cycle of ``period`` steps, float64[period].

    Raises:
        PhaseError: the voice does not repeat after so many steps, so that there are no multipliers of one cycle.
    """
    table = voice.table(2 * whole("period", period, 1))
    if not np.allclose(table[:period], table[period:], rtol=1e-12, atol=0.0):
        raise PhaseError(f"period: the voice {voice!r} does not repeat after {period} steps; expected a whole cycle")
    return table[:period]


def update_maps(jacobian: Floats, generators: int, generator: Floats, discriminator: Floats, method: Method) -> Floats:
    """The Jacobian of every step's update map, from that of the vector field.

    With player p's rows J_p of J (the others 0) and the diagonal mask S_p of its coordinates, its own step is

        A_p = I + η_p J_p                                                   without momentum
        A_p = [[I + η_p J_p, η_p β S_p], [J_p, I + (β − 1) S_p]]            of the state (x, m)

    An alternating step is A_d A_g, or A_g A_d where the discriminator is first, a simultaneous one A_g + A_d − I.

    Args:
        jacobian: J, float64[n, n].
        generators: how many coordinates are the generator's.
        generator: its rates, float64[..., P].
        discriminator: its rates, float64[..., P]; the shapes are broadcast.
        method: order and momentum.

    Returns:
        float64[..., P, m, m], m = n, or 2n with momentum.
    """
    first = np.arange(len(jacobian)) < generators
    ahead = _player_map(jacobian, first, generator, method.momentum)
    behind = _player_map(jacobian, ~first, discriminator, method.momentum)
    if method.updates == "alternating":
        return behind @ ahead if method.first == "generator" else ahead @ behind
    return ahead + behind - np.eye(ahead.shape[-1])


def _player_map(jacobian: Floats, mine: NDArray[np.bool_], rates: Floats, momentum: float) -> Floats:
    size, own = len(jacobian), jacobian * mine[:, None]
    rates = rates[..., None, None]
    plain: Floats = np.eye(size) + rates * own
    if momentum == 0.0:
        return plain
    maps = np.empty((*plain.shape[:-2], 2 * size, 2 * size))
    maps[..., :size, :size], maps[..., size:, :size] = plain, own
    maps[..., :size, size:] = rates * momentum * np.diag(mine)
    maps[..., size:, size:] = np.eye(size) + (momentum - 1.0) * np.diag(mine)
    return maps


@dataclass(frozen=True, eq=False)
class Scaled:
    """Matrices exp(log)·matrix, so that the growth of a long cycle overflows nowhere: [..., m, m] and [...]."""

    matrix: Floats
    log: Floats

    @classmethod
    def of(cls, matrix: Floats, log: Floats | float = 0.0) -> Scaled:
        """With the largest entry of each matrix moved into the logarithm."""
        largest = np.abs(matrix).max(axis=(-2, -1))
        largest = np.where(largest > 0.0, largest, 1.0)  # a map that forgets everything at once is 0
        return cls(matrix / largest[..., None, None], log + np.log(largest))

    def after(self, earlier: Scaled) -> Scaled:
        """The product self · earlier."""
        return Scaled.of(self.matrix @ earlier.matrix, self.log + earlier.log)

    def squared(self, times: int) -> Scaled:
        """The power 2^times."""
        return self if times == 0 else self.after(self).squared(times - 1)

    def product(self) -> Scaled:
        """The product along the last axis of ``log``, later ones from the left, by halves."""
        found = self
        while (count := found.log.shape[-1]) > 1:
            pairs = found._every(slice(1, None, 2)).after(found._every(slice(0, count - 1, 2)))
            if count % 2:
                rest = found._every(slice(count - 1, None))
                pairs = Scaled(np.concatenate([pairs.matrix, rest.matrix], axis=-3),
                               np.concatenate([pairs.log, rest.log], axis=-1))  # fmt: skip
            found = pairs
        return Scaled(found.matrix[..., 0, :, :], found.log[..., 0])

    def _every(self, which: slice) -> Scaled:
        return Scaled(self.matrix[..., which, :, :], self.log[..., which])

    def growth(self, steps: int) -> Floats:
        """|largest eigenvalue|^(1/steps) − 1, float64[...]; −1 where all are 0."""
        with np.errstate(divide="ignore"):
            grown: Floats = np.expm1((np.log(np.abs(np.linalg.eigvals(self.matrix)).max(axis=-1)) + self.log) / steps)
        return grown


def cycle_map(
    game: Game, generator: Floats, discriminator: Floats, method: Method = PLAIN, doublings: int = 0
) -> Scaled:
    """The map of one whole cycle at the game's equilibrium: the product of all its steps' update maps.

    Args:
        game: its Jacobian is taken at the equilibrium.
        generator: the generator's rates, float64[..., P].
        discriminator: the discriminator's, float64[..., P].
        method: order and momentum.
        doublings: every rate holds for 2^doublings steps, whose maps are one matrix power.

    Raises:
        PhaseError: rates that are not finite, or so large that float64 cannot hold a step.
    """
    jacobian = game.jacobian(game.equilibrium)
    period = generator.shape[-1]
    whole_cycle: Scaled | None = None
    for start in range(0, period, PORTION):
        part = slice(start, start + PORTION)
        with np.errstate(over="ignore", invalid="ignore"):
            maps = update_maps(jacobian, game.generators, generator[..., part], discriminator[..., part], method)
        if not np.isfinite(maps).all():
            raise PhaseError("rates: a step of them is beyond float64; expected finite rates of a sensible size")
        portion = Scaled.of(maps).squared(doublings).product()
        whole_cycle = portion if whole_cycle is None else portion.after(whole_cycle)
    assert whole_cycle is not None
    return whole_cycle


@dataclass(frozen=True, eq=False)
class Floquet:
    """What one cycle does to a small deviation from the equilibrium.

    Attributes:
        multipliers: eigenvalues of the cycle's map, complex128[m], the largest first; after k cycles a deviation along
            one has been multiplied by its k-th power. Not finite where float64 cannot hold them. The product is exact
            to rounding relative to the largest: a multiplier 1e-10 times as large has six digits.
        period: steps a cycle.
        growth_per_step: |largest multiplier|^(1/period) − 1.
    """

    multipliers: NDArray[np.complex128]
    period: int
    growth_per_step: float

    @property
    def verdict(self) -> Verdict:
        """See :func:`verdict`."""
        return verdict(self.growth_per_step)


def verdict(growth_per_step: float, tolerance: float = NEUTRAL) -> Verdict:
    """Stable: deviations die out; unstable: they grow; neutral: a centre, |growth per step| ≤ ``tolerance``."""
    if abs(growth_per_step) <= tolerance:
        return "neutral"
    return "unstable" if growth_per_step > 0 else "stable"


def floquet(game: Game, generator: ArrayLike | Voice, discriminator: ArrayLike | Voice, method: Method = PLAIN,
            period: int | None = None) -> Floquet:  # fmt: skip
    """The multipliers of one cycle by the exact product of the closed-form update maps (Floquet 1883).

        x(P) − x* = A(P−1) ⋯ A(1) A(0) (x(0) − x*) + …,   multipliers = eigenvalues of the product

    Args:
        game: a reference game, or ``games.Linear`` of a measured matrix or spectrum.
        generator: its rates over one cycle, float64[P], or a voice.
        discriminator: its rates over the same cycle, float64[P], or a voice.
        method: order and momentum.
        period: P, needed where both are voices.

    >>> from lab.diagnostics.games import Bilinear
    >>> rates = cosine_rates(0.1, 0.8, 31, [0.5, 0.0])
    >>> found = floquet(Bilinear(), *rates)
    >>> f"{100 * found.growth_per_step:.1f} % a step, {found.verdict}"
    '4.1 % a step, unstable'
    """
    mine, theirs = (
        rates if isinstance(rates, Voice) else np.asarray(rates, dtype=np.float64)
        for rates in (generator, discriminator)
    )
    length = period if period is not None else next((len(r) for r in (mine, theirs) if isinstance(r, np.ndarray)), None)
    if length is None:
        raise refuse("period", None, "the steps of one cycle")
    first, second = (rates_of(rates, length) if isinstance(rates, Voice) else rates for rates in (mine, theirs))
    if first.shape != (length,) or second.shape != (length,) or length < 1:
        raise refuse("rates", f"arrays of shapes {first.shape} and {second.shape}", f"{length} of each player")
    cycle = cycle_map(game, first, second, method)
    values = np.linalg.eigvals(cycle.matrix).astype(np.complex128)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    with np.errstate(over="ignore", invalid="ignore"):
        multipliers = values * (math.exp(cycle.log) if cycle.log < 709 else math.inf)
    return Floquet(multipliers, length, float(cycle.growth(length)))

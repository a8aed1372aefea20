"""Where cycles are safe: growth per step over period, offset and modulation, resonance tongues, recommended periods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lab.diagnostics.floquet import NEUTRAL, PLAIN, Method, Scaled, cosine_rates, cycle_map
from lab.diagnostics.games import Floats, Game, apart, frequency
from lab.phase.errors import positive

Ints: TypeAlias = NDArray[np.int64]

SAMPLES = 512
"""A longer cycle is sampled: a rate is held for 2, 4, … steps, so that 257 to 512 are told apart."""
SHORTEST = 4
"""A cosine of fewer steps is no wave."""
LONGEST = 10**9
"""Steps; a game that hardly moves would ask for more than anybody trains."""
TURNS = 8
"""Cycles up to so many rotations are looked at."""
SCANNED = 400
"""Periods that are looked at for a recommendation, evenly spaced; up to twice as many where these are all there are."""
NEAR = 25
"""Periods that are looked at around each multiple of half a rotation."""
PER_TURN = 0.01
"""What a safe cycle may add to a game that neither grows nor decays: one part in a hundred a rotation."""
KEPT = 0.25
"""What a safe cycle must keep of the decay that a stable game has at constant rates."""


def sampled(period: int) -> tuple[int, int]:
    """A period as ``samples · 2**doublings`` steps, exactly up to 512 steps, to half a percent above.

    >>> sampled(100), sampled(10_000)
    ((100, 0), (312, 5))
    """
    doublings = max(0, math.ceil(math.log2(period / SAMPLES)))
    return round(period / 2**doublings), doublings


def _cycle(
    game: Game, lr: float, modulation: Floats, period: int, offset: Floats, method: Method
) -> tuple[Scaled, int]:
    """The cycle's map, and its period as it was sampled."""
    samples, doublings = sampled(period)
    ahead, behind = (cosine_rates(lr, modulation, samples, shift) for shift in (offset, np.zeros(())))
    return cycle_map(game, ahead, behind, method, doublings), samples * 2**doublings


@dataclass(frozen=True, eq=False)
class StabilityMap:
    """Growth per step over a grid.

    Attributes:
        modulations: float64[m].
        periods: steps, int64[p].
        offsets: of the generator, in cycles, float64[o].
        growth: |largest multiplier|^(1/period) − 1, float64[m, p, o].
        halves: period at which the game turns half a turn a cycle, float64[m, o]; tongues lie at its multiples (see
            :func:`half_turn`); infinite where it does not turn.
    """

    modulations: Floats
    periods: Ints
    offsets: Floats
    growth: Floats
    halves: Floats


def stability_map(
    game: Game,
    lr: float,
    modulations: Sequence[float] | Floats,
    periods: Sequence[int] | Ints,
    offsets: Sequence[float] | Floats,
    method: Method = PLAIN,
) -> StabilityMap:
    """Growth per step over modulation × period × offset, all offsets and modulations of a period in one product.

    Args:
        game: a reference game, or ``games.Linear`` of a measured matrix or spectrum.
        lr: L, the mean rate of both players.
        modulations: M of both, [m].
        periods: P in steps, [p]; above 512 they are rounded as :func:`sampled` does.
        offsets: of the generator, in cycles, [o]; the discriminator's is 0.
        method: order and momentum.
    """
    modulation = np.asarray(modulations, dtype=np.float64)
    offset = np.asarray(offsets, dtype=np.float64)
    growth, steps = np.empty((len(modulation), len(periods), len(offset))), []
    parts = apart(game)
    for index, period in enumerate(np.asarray(periods).tolist()):
        cycles = [_cycle(part, lr, modulation[:, None], period, offset[None, :], method) for part in parts]
        growth[:, index] = np.max([cycle.growth(exact) for cycle, exact in cycles], axis=0)
        steps.append(cycles[0][1])
    halves = np.array([[half_turn(game, lr, m, o, method) for o in offset] for m in modulation])
    return StabilityMap(modulation, np.array(steps, dtype=np.int64), offset, growth, halves)


def half_turn(game: Game, lr: float, modulation: float, offset: float, method: Method = PLAIN) -> float:
    """The period at which the game turns by half a turn a cycle; parametric resonance is at its multiples.

        P₁ = π(1 − β) / mean over a cycle of ω(t),   ω(t) = largest |Im λ| of diag(η_g(t), η_d(t))·J

    At constant rates L it is half the natural period T₀ = 2π(1 − β)/(ωL). A driven oscillator resonates where the drive
    has 2/k of its own frequency (Landau and Lifshitz, Mechanics, §27), which is at periods of k/2 rotations; rates out
    of phase slow the rotation (the mean of √(η_g η_d) is below L), and tongues lie at longer periods.

    Returns:
        Steps; infinite where the game does not turn.
    """
    jacobian = game.jacobian(game.equilibrium)
    mine = np.arange(len(jacobian)) < game.generators
    rates = cosine_rates(lr, modulation, 64, np.array([offset, 0.0]))
    turning = float(np.mean(frequency(np.where(mine, rates[0, :, None], rates[1, :, None])[..., None] * jacobian)))
    return math.pi * (1.0 - method.momentum) / turning if turning > 0 else math.inf


def natural_period(game: Game, lr: float, method: Method = PLAIN) -> float:
    """T₀ = 2π(1 − β)/(ωL), steps of a whole rotation at constant rates; infinite where the game does not turn."""
    return 2.0 * half_turn(game, lr, 0.0, 0.0, method)


@dataclass(frozen=True)
class SafePeriods:
    """A recommended range of periods in steps, ends included, both None where no period is safe; and why."""

    low: int | None
    high: int | None
    why: str


def longest_of_interest(game: Game, lr: float, method: Method = PLAIN) -> int:
    """Eight of the slowest rotations that are at least a tenth as fast as the fastest, in steps.

    Without a rotation the time scale is that of the fastest decay.
    """
    values = lr / (1.0 - method.momentum) * np.linalg.eigvals(game.jacobian(game.equilibrium))
    turning = np.abs(values.imag)
    rates = turning if frequency(game.jacobian(game.equilibrium)) > 0 else np.abs(values)
    if not rates.max() > 0:  # nothing moves
        return 100
    slowest = float(rates[rates >= rates.max() / 10].min())
    return max(4 * SHORTEST, math.ceil(min(TURNS * 2 * math.pi / slowest, LONGEST)))


def safe_periods(game: Game, lr: float, modulation: float, offset: float, method: Method = PLAIN) -> SafePeriods:
    """The range of periods to recommend: slow cycles where all slow enough ones are safe, else fast ones.

    A cycle is safe if it adds at most 1 % a rotation to a game that is neutral at constant rates, if it keeps a quarter
    of the decay that a stable one has there, or if it makes an unstable one neutral or stable. All periods from 4 steps
    to eight rotations are looked at; of more than 800 as many as 400 evenly spaced, and some around every multiple of
    half a rotation, where the tongues are. The thinnest may still lie between two of them.
    """
    longest = longest_of_interest(game, positive("lr", lr), method)
    candidates = _looked_at(longest, half_turn(game, lr, modulation, offset, method))
    found = stability_map(game, lr, [modulation], candidates, [offset], method)
    growth, periods = found.growth[0, :, 0], found.periods
    constant = growth_at_constant(game, lr, method)
    most = most_growth(constant, natural_period(game, lr, method))
    return _recommend(growth, periods, constant, most, natural_period(game, lr, method))


def _looked_at(longest: int, half: float) -> Ints:
    """All periods, or evenly spaced ones and some within a sixteenth of each multiple of half a rotation."""
    if longest <= 2 * SCANNED:
        return np.arange(SHORTEST, longest + 1)
    even = np.linspace(SHORTEST, longest, SCANNED)
    tongues = half * np.arange(1, 2 * TURNS + 1) if math.isfinite(half) else np.zeros(0)
    near = np.outer(tongues, np.linspace(1 - 1 / 16, 1 + 1 / 16, NEAR)).ravel()
    found = np.concatenate([even, near]).round().astype(np.int64)
    return np.unique(found[(found >= SHORTEST) & (found <= longest)])


def growth_at_constant(game: Game, lr: float, method: Method = PLAIN) -> float:
    """Growth per step at the constant rate L of both players."""
    return float(stability_map(game, lr, [0.0], [1], [0.0], method).growth[0, 0, 0])


def most_growth(constant: float, turn: float) -> float:
    """The most growth per step of a safe cycle, by that at constant rates and the natural period."""
    if constant < -NEUTRAL:
        return KEPT * constant
    return PER_TURN / turn if constant <= NEUTRAL and math.isfinite(turn) else NEUTRAL


def _recommend(growth: Floats, periods: Ints, constant: float, most: float, turn: float) -> SafePeriods:
    unsafe = np.flatnonzero(growth > most)
    worst = int(growth.argmax())
    peak = f"{_percent(growth[worst])} a step at period {periods[worst]}"
    longest, ends = int(periods[-1]), f"up to {periods[-1]}, the longest looked at"
    rotation = f"rotation of {turn:.0f} steps" if math.isfinite(turn) else "own time scale"
    if not len(unsafe):
        return SafePeriods(int(periods[0]), longest, f"no period {ends}, lies in a tongue: the most is {peak}.")
    if constant > NEUTRAL:
        trouble = f"constant rates already grow {_percent(constant)} a step, and cycles reach {peak}"
    else:
        trouble = f"faster cycles resonate with the game's {rotation} and reach {peak}"
    last, first = int(unsafe[-1]), int(unsafe[0])
    if periods[last] <= 0.75 * longest:
        low = int(periods[last + 1])
        return SafePeriods(low, longest, f"cycles this slow are safe ({ends}); {trouble}.")
    if first > 0:
        return SafePeriods(
            int(periods[0]),
            int(periods[first - 1]),
            f"cycles this fast average out; slower ones resonate with the game's {rotation}, with {peak}, "
            f"and tongues remain at periods {ends}.",
        )
    least = int(growth.argmin())
    if constant > NEUTRAL:
        advice = "lower the rates, add damping or alternate the updates"
        return SafePeriods(
            None, None, f"{trouble}: {advice}; the least is {_percent(growth[least])} at {periods[least]}."
        )
    return SafePeriods(
        None, None, f"every range of periods {ends}, has unsafe ones ({peak}): lower the modulation or add damping."
    )


def _percent(growth: float) -> str:
    return f"{100 * growth:.2g} %" if abs(growth) > NEUTRAL else "0 %"

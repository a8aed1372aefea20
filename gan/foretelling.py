"""What the spectrum of a GAN's game says of a cycle of its learning rates: does what turns in it resonate?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan.config import GanConfig
from gan.cosines import Cosines, cosines, cycle_at, rates_over
from gan.rates import follows
from gan.spectrum import GameSpectrum
from lab.diagnostics.floquet import Floquet, Method, Updates, cosine_rates, floquet
from lab.diagnostics.games import Linear
from lab.diagnostics.stability import SafePeriods, growth_at_constant, safe_periods


@dataclass(frozen=True)
class Asked:
    """A cycle that is asked about instead of the run's own; what is None is the run's."""

    modulation: float | None = None
    period: int | None = None
    offset: float | None = None


@dataclass(frozen=True)
class Foretold:
    """What the turning part of a spectrum predicts of a cycle, were the game to stay as it is.

    Attributes:
        game: whose eigenvalues are those that turn, of one gradient, at rates of mean 1.
        method: order of the updates, and the optimiser's momentum.
        cycle: two cosines; None where the run's own rates are others.
        floquet: of that cycle.
        constant: growth per step at constant rates.
        safe: periods to recommend for cycles of its modulation and offset; None where it is no two cosines.
    """

    game: Linear
    method: Method
    cycle: Cosines | None
    floquet: Floquet
    constant: float
    safe: SafePeriods | None


def foretell(config: GanConfig, spectrum: GameSpectrum, asked: Asked) -> tuple[Foretold | None, str]:
    """What a measured spectrum predicts of a run's cycle, or of another; where it says less, why."""
    steps = cycle_at(config, spectrum.step)
    why = obstacle(config) or _rotation(spectrum)
    if why or steps is None:
        return None, why or "its two rates share no cycle"
    rates = list(rates_over(config, steps).values())
    if min(float(each.mean()) for each in rates) <= 0:
        return None, "a rate whose mean is 0"
    own = cosines(config, spectrum.step)
    cycle = _chosen(own, asked)
    if own is None and cycle is None and asked != Asked():
        return None, "its rates are no two cosines of one modulation: another cycle needs --modulation and --period"
    if cycle is not None and cycle.modulation == 0:
        return None, "both rates are constant; --modulation asks about a cycle"
    game, method = rotations(config, spectrum), method_of(config)
    constant = growth_at_constant(game, 1.0, method)
    if cycle is None:
        ahead, behind = (each / each.mean() for each in rates)
        found = floquet(game, ahead, behind, method)
        return Foretold(game, method, None, found, constant, None), "its rates are no two cosines of one modulation"
    ahead, behind = cosine_rates(1.0, cycle.modulation, cycle.period, [cycle.offset, 0.0])
    safe = safe_periods(game, 1.0, cycle.modulation, cycle.offset, method)
    return Foretold(game, method, cycle, floquet(game, ahead, behind, method), constant, safe), ""


def rotations(config: GanConfig, spectrum: GameSpectrum) -> Linear:
    """The game of the eigenvalues that turn, as the field of one gradient at rates of mean 1.

    The real ones are left out: what drifts or decays without turning is in no resonance with a cycle, and at a point
    that is no equilibrium it would hide what is.
    """
    return Linear.of_spectrum(-(1 - config.optimizer.inertia) * spectrum.turning)


def method_of(config: GanConfig) -> Method:
    """The order of a run's updates, in which the discriminator is first, and its optimiser's momentum."""
    updates: Updates = "simultaneous" if config.updates == "simultaneous" else "alternating"
    return Method(updates, config.optimizer.inertia, first="discriminator")


def _chosen(own: Cosines | None, asked: Asked) -> Cosines | None:
    if own is None:
        if asked.modulation is None or asked.period is None:
            return None
        own = Cosines(asked.period, asked.modulation, 0.0)
    return Cosines(
        own.period if asked.period is None else asked.period,
        own.modulation if asked.modulation is None else asked.modulation,
        own.offset if asked.offset is None else asked.offset,
    )


def _rotation(spectrum: GameSpectrum) -> str:
    if not (len(spectrum.moves) and np.isfinite(spectrum.moves).all()):
        return "no eigenvalue converged"
    return "" if len(spectrum.turning) else "nothing in it turns"


def obstacle(config: GanConfig) -> str:
    """Why a run's steps are not those that the reference games are analysed for; empty where they are."""
    reasons = {
        f"updates: {config.updates}": config.updates == "extragradient",
        "several updates of a player a step": max(config.discriminator_steps, config.generator_steps) > 1,
        "lookahead": bool(config.lookahead),
        "rates that follow the game": follows(config),
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)

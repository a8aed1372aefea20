"""`lab stability RUN` of a GAN: its measured spectrum, what its own cycle does to it, and which periods are safe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.floquet import Multipliers, multipliers
from gan.foretelling import Asked, Foretold, foretell
from gan.kept import newest
from gan.spectrum import GameSpectrum, measure
from lab.training.run import Run

Complexes = NDArray[np.complex128]


UNSAID = "no word on its cycle"


@dataclass(frozen=True)
class Stability:
    """What was found of a run at its newest checkpoint.

    Attributes:
        spectrum: of its game.
        foretold: of the cycle, by the eigenvalues that turn; None where that would be of another game, where nothing
            turns, or where both rates are constant and no cycle was asked about.
        unsaid: why there is no such word, or none on periods; empty where there is.
        measured: the multipliers of the run's own next cycle itself, where they were asked for.
        asked: whether that cycle was asked about, and is not the run's own.
    """

    spectrum: GameSpectrum
    foretold: Foretold | None
    unsaid: str
    measured: Multipliers | None
    asked: bool = False

    def to_json(self) -> dict[str, Any]:
        """As ``lab stability RUN --json`` answers."""
        found, measured = self.spectrum, self.measured
        return {
            "step": found.step,
            "asked": self.asked,
            "eigenvalues": _pairs(found.field),
            "moves": _pairs(found.moves),
            "rotation_period": _finite(found.period),
            "drift_per_step": _finite(found.drift),
            "curvature": {name: _finite(value) for name, value in found.curvature.items()},
            **_told(self.foretold),
            "unsaid": self.unsaid or None,
            "measured": None
            if measured is None
            else {
                "period": measured.period,
                "multipliers": _pairs(measured.values),
                "growth_per_step": _finite(measured.growth_per_step),
            },
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        found = self.spectrum
        turns = f"{found.period:.1f} steps a rotation" if math.isfinite(found.period) else "does not turn"
        sharp = ", ".join(f"{name} {value:.3g}" for name, value in found.curvature.items())
        said = [
            f"step {found.step}: the game turns fastest at {turns} (at the run's mean rates, as its optimiser moves)",
            f"leading curvature of each player's loss: {sharp}",
        ]
        if found.drift > 0:
            said.append(f"unstable there: a direction that does not turn grows by {100 * found.drift:.3g} % a step")
        if self.foretold is not None:
            said += _words(self.foretold)
        if self.unsaid:
            said.append(f"{UNSAID}: {self.unsaid}")
        if self.measured is not None:
            period, growth = self.measured.period, 100 * self.measured.growth_per_step
            changes = (
                f"a deviation changes by {growth:+.3g} % a step" if math.isfinite(growth) else "no multiplier converged"
            )
            said.append(f"its next {period} steps, measured: {changes}")
        return said


def _told(foretold: Foretold | None) -> dict[str, Any]:
    if foretold is None:
        unsaid = ("cycle", "period", "growth_per_step", "growth_at_constant_rates", "verdict", "safe_periods")
        return {**dict.fromkeys(unsaid), "multipliers": []}
    cycle, safe, found = foretold.cycle, foretold.safe, foretold.floquet
    return {
        "cycle": None if cycle is None else asdict(cycle),
        "period": found.period,
        "multipliers": _pairs(found.multipliers),
        "growth_per_step": found.growth_per_step,
        "growth_at_constant_rates": foretold.constant,
        "verdict": found.verdict,
        "safe_periods": None if safe is None else {"low": safe.low, "high": safe.high, "why": safe.why},
    }


def _words(foretold: Foretold) -> list[str]:
    found, safe = foretold.floquet, foretold.safe
    said = [
        f"what turns, in a cycle of {found.period} steps: {found.verdict}, {100 * found.growth_per_step:+.3g} % a step"
        f"; at constant rates {100 * foretold.constant:+.3g} % (were the game to stay as it is here)"
    ]
    if safe is not None:
        periods = "none" if safe.low is None or safe.high is None else f"{safe.low} to {safe.high} steps"
        said.append(f"safe periods: {periods}: {safe.why}")
    return said


def stability(run: Run, measured: bool = False, asked: Mapping[str, Any] | None = None) -> Stability:
    """Measure a run at its newest whole checkpoint; nothing is written into it.

    Args:
        run: of ``lab gan train``.
        measured: whether the multipliers of its whole next cycle are measured too, which takes minutes.
        asked: what a cycle that is asked about has of its own, by the names of :class:`gan.foretelling.Asked`.

    Raises:
        UserError: the run has no checkpoint yet, or its cycle is more than a map of its state.
    """
    trainer = newest(run)
    spectrum = measure(trainer)
    cycle = multipliers(trainer, 1, tolerance=1e-3) if measured else None
    wanted = Asked(**(asked or {}))
    foretold, unsaid = foretell(trainer.config, spectrum, wanted)
    return Stability(spectrum, foretold, unsaid, cycle, wanted != Asked())


def _finite(value: float) -> float | None:
    """None where there is no number: JSON has none for it."""
    return value if math.isfinite(value) else None


def _pairs(values: Complexes) -> list[list[float]]:
    """Those that JSON has numbers for."""
    return [[value.real, value.imag] for value in values[np.isfinite(values)].tolist()]

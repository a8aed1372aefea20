"""`lab stability RUN` of a GAN: its measured spectrum, what its own cycle does to it, and which periods are safe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.config import PLAYERS, GanConfig
from gan.floquet import Multipliers, multipliers
from gan.spectrum import GameSpectrum, measure
from gan.trainer import GanTrainer
from lab.diagnostics.floquet import Floquet, floquet
from lab.diagnostics.games import Linear
from lab.diagnostics.stability import SafePeriods, safe_periods
from lab.phase import Follower, Schedule
from lab.training.config import resolve
from lab.training.device import resolve_device
from lab.training.loop import warn
from lab.training.paths import data_root
from lab.training.recovery import look
from lab.training.restoring import checked
from lab.training.run import Run
from lab.training.trainer import Context

Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class Stability:
    """What was found of a run at its newest checkpoint.

    Attributes:
        spectrum: of its game.
        predicted: what the spectrum predicts of the run's own cycle; None where both rates are constant.
        safe: periods to recommend for cycles of its modulation.
        measured: the multipliers of the cycle itself, where they were asked for.
    """

    spectrum: GameSpectrum
    predicted: Floquet | None
    safe: SafePeriods
    measured: Multipliers | None

    def to_json(self) -> dict[str, Any]:
        """As ``lab stability RUN --json`` answers."""
        found, predicted, measured = self.spectrum, self.predicted, self.measured
        return {
            "step": found.step,
            "eigenvalues": _pairs(found.field),
            "moves": _pairs(found.moves),
            "rotation_period": found.period if math.isfinite(found.period) else None,
            "curvature": dict(found.curvature),
            "growth_per_step": None if predicted is None else predicted.growth_per_step,
            "verdict": None if predicted is None else predicted.verdict,
            "safe_periods": {"low": self.safe.low, "high": self.safe.high, "why": self.safe.why},
            "measured": None
            if measured is None
            else {
                "period": measured.period,
                "multipliers": _pairs(measured.values),
                "growth_per_step": measured.growth_per_step if len(measured.values) else None,
            },
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        found, safe = self.spectrum, self.safe
        turns = f"{found.period:.1f} steps a rotation" if math.isfinite(found.period) else "does not turn"
        sharp = ", ".join(f"{name} {value:.3g}" for name, value in found.curvature.items())
        said = [
            f"step {found.step}: the game turns fastest at {turns} (at the run's mean rates, as its optimiser moves)",
            f"leading curvature of each player's loss: {sharp}",
        ]
        if self.predicted is not None:
            growth, period = 100 * self.predicted.growth_per_step, self.predicted.period
            said.append(
                f"its cycle of {period} steps, by that spectrum: {self.predicted.verdict}, {growth:+.3g} % a step"
            )
        periods = "none" if safe.low is None or safe.high is None else f"{safe.low} to {safe.high} steps"
        said.append(f"safe periods: {periods}: {safe.why}")
        if self.measured is not None:
            growth = 100 * self.measured.growth_per_step
            said.append(
                f"its next {self.measured.period} steps, measured: a deviation changes by {growth:+.3g} % a step"
            )
        return said


def stability(run: Run, cycle: bool = False) -> Stability:
    """Measure a run at its newest whole checkpoint; nothing is written into it.

    Args:
        run: of ``lab gan train``.
        cycle: whether the multipliers of the whole cycle are measured too, which takes minutes.

    Raises:
        UserError: the run has no checkpoint yet.
    """
    trainer = _trainer(run)
    spectrum = measure(trainer)
    game = Linear.of_spectrum(-spectrum.moves) if len(spectrum.moves) else Linear(np.zeros((2, 2)), 1)
    rates = [_relative(trainer.config, name) for name in PLAYERS]
    moving = max(float(np.ptp(each)) for each in rates) > 0
    voices = trainer.config.parsed_voices()
    waves = [voice for name in PLAYERS if isinstance(voice := voices[f"lr.{name}"], Schedule)]
    offset = waves[0].offset - waves[1].offset if len(waves) == len(PLAYERS) else 0.0
    return Stability(
        spectrum=spectrum,
        predicted=floquet(game, rates[0], rates[1]) if moving else None,
        safe=safe_periods(game, 1.0, max(float(each.max()) - 1.0 for each in rates), float(offset)),
        measured=multipliers(trainer, 1, tolerance=1e-3) if cycle else None,
    )


def _relative(config: GanConfig, name: str) -> NDArray[np.float64]:
    """A player's rates over one cycle of the master clock, as multiples of their mean, float64[P]."""
    voice, period = config.parsed_voices()[f"lr.{name}"], int(config.parsed_clock().position(0).period)
    if isinstance(voice, Follower):
        return np.ones(period)
    values = np.array([float(voice(step)) for step in range(period)])
    return values / values.mean() if values.mean() > 0 else np.ones(period)


def _trainer(run: Run) -> GanTrainer:
    found = look(run, warn)
    config = resolve(GanConfig, run.config, source=str(run.path / "config.yaml"))
    context = Context(resolve_device("cpu"), data_root(None), run.snapshots, _unheard)
    trainer = GanTrainer(config, context, snapshots=False)
    checked(lambda: trainer.load_state_dict(found.state), f"{run.checkpoints}: step {found.step}")
    return trainer


def _unheard(kind: str, step: int, **data: Any) -> None:
    """An event of a run that is only looked at."""


def _pairs(values: Complexes) -> list[list[float]]:
    return [[value.real, value.imag] for value in values.tolist()]

"""`lab stability RUN` of a GAN: its measured spectrum, what its own cycle does to it, and which periods are safe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.config import GanConfig
from gan.floquet import Multipliers, multipliers
from gan.spectrum import GameSpectrum, cycle_of, measure, rates_ahead
from gan.trainer import GanTrainer
from lab.diagnostics.floquet import Floquet, Method, floquet
from lab.diagnostics.games import Linear
from lab.diagnostics.stability import SafePeriods, safe_periods
from lab.training.config import resolve
from lab.training.device import resolve_device
from lab.training.loop import warn
from lab.training.paths import data_root
from lab.training.recovery import look
from lab.training.restoring import checked
from lab.training.run import Run
from lab.training.trainer import Context

Complexes = NDArray[np.complex128]


UNSAID = "no word on other periods"


@dataclass(frozen=True)
class Stability:
    """What was found of a run at its newest checkpoint.

    Attributes:
        spectrum: of its game.
        predicted: what the spectrum predicts of the run's next cycle, were the game linear and to stay as it is here;
            far from an equilibrium it is neither. None where it would be of another game, or both rates are constant.
        safe: periods to recommend for cycles of its modulation and offset; None likewise.
        unsaid: why there is no prediction, or no recommendation; empty where there is.
        measured: the multipliers of the cycle itself, where they were asked for.
    """

    spectrum: GameSpectrum
    predicted: Floquet | None
    safe: SafePeriods | None
    unsaid: str
    measured: Multipliers | None

    def to_json(self) -> dict[str, Any]:
        """As ``lab stability RUN --json`` answers."""
        found, predicted, measured, safe = self.spectrum, self.predicted, self.measured, self.safe
        return {
            "step": found.step,
            "eigenvalues": _pairs(found.field),
            "moves": _pairs(found.moves),
            "rotation_period": _finite(found.period),
            "curvature": {name: _finite(value) for name, value in found.curvature.items()},
            "period": None if predicted is None else predicted.period,
            "multipliers": [] if predicted is None else _pairs(predicted.multipliers),
            "growth_per_step": None if predicted is None else predicted.growth_per_step,
            "verdict": None if predicted is None else predicted.verdict,
            "safe_periods": None if safe is None else {"low": safe.low, "high": safe.high, "why": safe.why},
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
        found, safe = self.spectrum, self.safe
        turns = f"{found.period:.1f} steps a rotation" if math.isfinite(found.period) else "does not turn"
        sharp = ", ".join(f"{name} {value:.3g}" for name, value in found.curvature.items())
        said = [
            f"step {found.step}: the game turns fastest at {turns} (at the run's mean rates, as its optimiser moves)",
            f"leading curvature of each player's loss: {sharp}",
        ]
        if self.predicted is not None:
            period, verdict = self.predicted.period, self.predicted.verdict
            growth = 100 * self.predicted.growth_per_step
            said.append(
                f"its cycle of {period} steps, were the game to stay as here: {verdict}, {growth:+.3g} % a step"
            )
        if safe is not None:
            periods = "none" if safe.low is None or safe.high is None else f"{safe.low} to {safe.high} steps"
            said.append(f"safe periods: {periods}: {safe.why}")
        if self.unsaid:
            said.append(f"{UNSAID}: {self.unsaid}")
        if self.measured is not None:
            period, growth = self.measured.period, 100 * self.measured.growth_per_step
            changes = (
                f"a deviation changes by {growth:+.3g} % a step" if math.isfinite(growth) else "no multiplier converged"
            )
            said.append(f"its next {period} steps, measured: {changes}")
        return said


def stability(run: Run, cycle: bool = False) -> Stability:
    """Measure a run at its newest whole checkpoint; nothing is written into it.

    Args:
        run: of ``lab gan train``.
        cycle: whether the multipliers of the whole cycle are measured too, which takes minutes.

    Raises:
        UserError: the run has no checkpoint yet, or its cycle is more than a map of its state.
    """
    trainer = _trainer(run)
    spectrum, period = measure(trainer), cycle_of(trainer)
    measured = multipliers(trainer, 1, tolerance=1e-3) if cycle else None
    ahead = list(rates_ahead(trainer, period).values())
    unsaid = _other_game(trainer)
    if not unsaid and not (len(spectrum.moves) and np.isfinite(spectrum.moves).all()):
        unsaid = "no eigenvalue converged"
    if not unsaid and min(float(each.mean()) for each in ahead) <= 0:
        unsaid = "a rate whose mean is 0"
    if not unsaid and max(float(np.ptp(each)) for each in ahead) == 0:
        unsaid = "both rates are constant"
    if unsaid:
        return Stability(spectrum, None, None, unsaid, measured)
    inertia = trainer.config.optimizer.inertia
    game = Linear.of_spectrum(-(1 - inertia) * spectrum.moves)  # whose field is the way down, of one gradient
    method = Method("simultaneous" if trainer.config.updates == "simultaneous" else "alternating", inertia)
    rates = [each / each.mean() for each in ahead]
    wave = _cosine(rates)
    return Stability(
        spectrum=spectrum,
        predicted=floquet(game, rates[0], rates[1], method),
        safe=None if wave is None else safe_periods(game, 1.0, *wave, method),
        unsaid="" if wave else "its rates are no two cosines of one modulation",
        measured=measured,
    )


def _other_game(trainer: GanTrainer) -> str:
    """Why a run's steps are not those that the reference games are analysed for; empty where they are."""
    config = trainer.config
    reasons = {
        f"updates: {config.updates}": config.updates == "extragradient",
        "several updates of the discriminator a step": config.discriminator_steps > 1,
        "lookahead": bool(config.lookahead),
        "rates that follow the game": trainer.rates.watching,
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)


def _cosine(rates: Sequence[NDArray[np.float64]]) -> tuple[float, float] | None:
    """Modulation and offset (the generator's, in cycles) of two relative rates 1 + M·cos 2π(t/P + offset), or None."""
    first = [np.fft.rfft(each)[1] / (len(each) / 2) for each in rates]
    steps = 2 * np.pi * np.arange(len(rates[0])) / len(rates[0])
    for each, wave in zip(rates, first, strict=True):
        if not np.allclose(each, 1 + np.abs(wave) * np.cos(steps + np.angle(wave)), atol=1e-3):
            return None
    if abs(abs(first[0]) - abs(first[1])) > 1e-3:
        return None
    return float(abs(first[0])), float((np.angle(first[0]) - np.angle(first[1])) / (2 * np.pi) % 1.0)


def _trainer(run: Run) -> GanTrainer:
    found = look(run, warn)
    config = resolve(GanConfig, run.config, source=str(run.path / "config.yaml"))
    place = data_root(run.provenance.get("data_dir"))
    context = Context(resolve_device("cpu"), place, run.snapshots, _unheard)
    trainer = GanTrainer(config, context, snapshots=False)
    checked(lambda: trainer.load_state_dict(found.state), f"{run.checkpoints}: step {found.step}")
    return trainer


def _unheard(kind: str, step: int, **data: Any) -> None:
    """An event of a run that is only looked at."""


def _finite(value: float) -> float | None:
    """None where there is no number: JSON has none for it."""
    return value if math.isfinite(value) else None


def _pairs(values: Complexes) -> list[list[float]]:
    """Those that JSON has numbers for."""
    return [[value.real, value.imag] for value in values[np.isfinite(values)].tolist()]

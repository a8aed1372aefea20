"""Synchronous detection: by how much of a cycle the generator's loss runs ahead of the discriminator's."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping

LEAST = 8
"""Steps of a cycle, at least, for its loss to have a phase."""
SHARE = 0.1
"""Of a loss's variance over a cycle, what the oscillation at the clock's frequency makes up at least."""
CHANCE = 1e-3
"""How often white noise may be taken for such an oscillation, at most."""
ROUNDING = 1e-12
"""Of a loss's mean square, what is no oscillation but float32's last bits."""
SIGNALS = ("generator", "discriminator")


class LockIn:
    """A lock-in amplifier for both players' losses (Dicke 1946, Rev. Sci. Instrum. 17, 268).

    The reference is the master clock, and the low-pass filter the mean over one whole cycle, in which a loss's mean and
    its harmonics vanish exactly. Of a loss x at the phases φ of a cycle's n steps

        c = (2/n)·Σ x·exp(−2πiφ)

    is amplitude and lead: x = m + A·cos 2π(φ + θ) gives c = A·exp(2πiθ). The difference is
    angle(c_G·conj(c_D))/2π in [−½, ½), of which a cycle says nothing unless in both losses the oscillation's share of
    the variance, r = |c|²/2 over the variance, is at least ``SHARE``, and more than white noise would show with a
    probability of ``CHANCE``, which is (1 − r)^((n − 3)/2) (Zechmeister & Kürster 2009, table 1).
    """

    def __init__(self) -> None:
        self._last, self._steps = 0.0, 0
        self._sums = {f"{name}.{sum_}": 0.0 for name in SIGNALS for sum_ in ("mean", "square", "real", "imaginary")}

    def observe(self, phase: float, generator: float, discriminator: float) -> float | None:
        """Take in a step's losses at a phase of the clock, in [0, 1].

        Returns:
            The difference over the cycle that ended before this step, if one did and both of its losses oscillate;
            positive where the generator's runs ahead.
        """
        difference = self._difference() if phase < self._last else None
        if phase < self._last:
            self._steps, self._sums = 0, dict.fromkeys(self._sums, 0.0)
        self._last, self._steps = phase, self._steps + 1
        turned = cmath.rect(1.0, -2 * math.pi * phase)
        for name, loss in zip(SIGNALS, (generator, discriminator), strict=True):
            self._sums[f"{name}.mean"] += loss
            self._sums[f"{name}.square"] += loss * loss
            self._sums[f"{name}.real"] += loss * turned.real
            self._sums[f"{name}.imaginary"] += loss * turned.imag
        return difference

    def state_dict(self) -> dict[str, float]:
        """The sums of the cycle so far."""
        return {"phase": self._last, "steps": float(self._steps), **self._sums}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on with a cycle."""
        self._last, self._steps = float(state["phase"]), int(state["steps"])
        self._sums = {name: float(state[name]) for name in self._sums}

    def _difference(self) -> float | None:
        generator, discriminator = (self._oscillation(name) for name in SIGNALS)
        if generator is None or discriminator is None:
            return None
        return wrapped(cmath.phase(generator * discriminator.conjugate()) / (2 * math.pi))

    def _oscillation(self, name: str) -> complex | None:
        """c of a loss; None where it does not stand out."""
        n = self._steps
        if n < LEAST:
            return None
        mean, square, real, imaginary = (self._sums[f"{name}.{s}"] / n for s in ("mean", "square", "real", "imaginary"))
        found = 2 * complex(real, imaginary)
        power, variance = abs(found) ** 2 / 2, square - mean * mean
        if power <= ROUNDING * square or power < SHARE * variance:
            return None
        left = max(1 - power / variance, 0.0)
        return found if left ** ((n - 3) / 2) <= CHANCE else None


def wrapped(cycles: float) -> float:
    """The same phase in [−½, ½)."""
    return (cycles + 0.5) % 1.0 - 0.5

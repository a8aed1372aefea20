"""The cycle that both players' learning rates share: how long it is, how far they swing, and how they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.config import PLAYERS, GanConfig
from lab.phase import Clock, Follower

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cosines:
    """Rates of 1 + M·cos 2π(t/P + offset) times their means, the offset the generator's, the discriminator's 0.

    Attributes:
        period: P, steps.
        modulation: M of both; 0 where they are constant.
        offset: in cycles, in [0, 1).
    """

    period: int
    modulation: float
    offset: float


def rates_ahead(config: GanConfig, step: int, period: int) -> dict[str, Floats]:
    """Both players' learning rates over the next steps, float64[period]; the middle of a range that is followed."""
    voices, steps = config.parsed_voices(), np.arange(step, step + period, dtype=np.int64)
    found = {}
    for name in PLAYERS:
        voice = voices[f"lr.{name}"]
        if isinstance(voice, Follower):
            found[name] = np.full(period, (voice.low + voice.high) / 2)
        else:
            found[name] = voice(steps)
    return found


def cycle_ahead(config: GanConfig, step: int) -> int:
    """Steps of the cycle that both rates share at a step: their own where they have one, else the master clock's."""
    voices = config.parsed_voices()
    clocks = [getattr(voices[f"lr.{name}"], "clock", None) for name in PLAYERS]
    own = {int(clock.position(step).period) for clock in clocks if isinstance(clock, Clock)}
    return own.pop() if len(own) == 1 else int(config.parsed_clock().position(step).period)


def cosines(config: GanConfig, step: int) -> Cosines | None:
    """The two cosines of one modulation that the rates are from a step on; None where they are not, or have no mean."""
    period = cycle_ahead(config, step)
    ahead = [
        rates / rates.mean() if rates.mean() > 0 else rates for rates in rates_ahead(config, step, period).values()
    ]
    turns = 2 * np.pi * np.arange(period) / period
    first = [np.fft.rfft(rates)[1:2].sum() / (period / 2) for rates in ahead]
    for each, wave in zip(ahead, first, strict=True):
        if not np.allclose(each, 1 + np.abs(wave) * np.cos(turns + np.angle(wave)), atol=1e-3):
            return None
    if abs(abs(first[0]) - abs(first[1])) > 1e-3:
        return None
    if abs(first[0]) < 1e-9:
        return Cosines(period, 0.0, 0.0)
    # Rounding alone must not make an offset of 0 one of nearly 1.
    offset = round(float((np.angle(first[0]) - np.angle(first[1])) / (2 * np.pi)), 9) % 1.0
    return Cosines(period, float(abs(first[0])), offset)

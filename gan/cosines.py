"""The cycle that both players' learning rates share: how long it is, how far they swing, and how they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.config import PLAYERS, GanConfig
from lab.phase import Clock, Follower

Floats = NDArray[np.float64]

LONGEST = 100_000
"""Steps of the longest cycle that two clocks may share."""


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


def cycle_at(config: GanConfig, step: int) -> range | None:
    """The steps of the cycle of both rates that a step lies in; where their clocks rest, of the last one.

    Rates without a clock of their own have the master's. Those of two clocks repeat together after the least common
    multiple of their periods; None where that is beyond :data:`LONGEST`, or a clock has an end or several periods.
    """
    voices = config.parsed_voices()
    own = {clock for name in PLAYERS if isinstance(clock := getattr(voices[f"lr.{name}"], "clock", None), Clock)}
    clocks = own or {config.parsed_clock()}
    if len(clocks) == 1:
        (clock,) = clocks
        first, period = clock.bounds(clock.locate(step)[0])
        return range(first, first + period)
    periods = {clock: clock.locate(step)[2] for clock in clocks}
    together = math.lcm(*periods.values())
    if together > LONGEST or any(clock != Clock(period) for clock, period in periods.items()):
        return None
    return range(step - step % together, step - step % together + together)


def rates_over(config: GanConfig, steps: range) -> dict[str, Floats]:
    """Both players' learning rates at these steps, float64[len(steps)]; the middle of a range that is followed."""
    voices, places = config.parsed_voices(), np.arange(steps.start, steps.stop, dtype=np.int64)
    found = {}
    for name in PLAYERS:
        voice = voices[f"lr.{name}"]
        if isinstance(voice, Follower):
            found[name] = np.full(len(steps), (voice.low + voice.high) / 2)
        else:
            found[name] = voice(places)
    return found


def cosines(config: GanConfig, step: int) -> Cosines | None:
    """The two cosines of one modulation that the rates are in the cycle of a step.

    None where they are not, or have no mean, or share no cycle.
    """
    steps = cycle_at(config, step)
    if steps is None:
        return None
    rates, period = list(rates_over(config, steps).values()), len(steps)
    if min(float(each.mean()) for each in rates) <= 0:
        return None
    ahead = [each / each.mean() for each in rates]
    turns = 2 * np.pi * np.arange(period) / period
    # Of two steps a cycle the only other frequency is the highest, which has no phase.
    first = [np.fft.rfft(each)[1] / (period / 2) if period > 2 else 0j for each in ahead]
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

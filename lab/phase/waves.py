"""The waves: functions from a phase in [0, 1] to a level in [0, 1]. A new one is one entry in ``WAVES``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lab.phase.errors import PhaseError, refuse, unknown

Function: TypeAlias = Callable[[float], float]
"""From a phase (a float in [0, 1]; 1 only at rest) to a level (a float in [0, 1])."""

RISE = 0.3
"""The part of ``one_cycle`` that rises (torch's ``pct_start``)."""
WARM_UP, DECAY = 0.05, 0.2
"""The parts of ``warmup_stable_decay`` that rise and that fall (a decay of a fifth: arXiv 2405.18392)."""
PULSE = 0.125
"""The part of the cycle in which ``pulse`` is 1."""


def cosine(phase: float) -> float:
    """(1 + cos 2πφ) / 2."""
    return (1.0 + math.cos(2.0 * math.pi * phase)) / 2.0


def triangle(phase: float) -> float:
    """|1 − 2φ|."""
    return abs(1.0 - 2.0 * phase)


def anneal(phase: float) -> float:
    """(1 + cos πφ) / 2, the warm restart of SGDR (arXiv 1608.03983, equation 5)."""
    return (1.0 + math.cos(math.pi * phase)) / 2.0


def sawtooth(phase: float) -> float:
    """1 − φ; on a clock of one cycle the linear decay to zero (arXiv 2502.15938)."""
    return 1.0 - phase


def cubic(phase: float) -> float:
    """(1 − φ)³; inverted it is the sparsity of gradual magnitude pruning (arXiv 1710.01878, equation 1)."""
    return (1.0 - phase) ** 3


def square(phase: float) -> float:
    """1 in the first half of the cycle, 0 in the second."""
    return 1.0 if phase < 0.5 else 0.0


def pulse(phase: float) -> float:
    """1 in the eighth of the cycle whose middle is phase 0, 0 in the rest: |φ| < 1/16, and φ = −1/16.

    With offsets in eighths, pulses of a cycle of whole eighths have equally many steps and fill it without a gap.
    """
    return 1.0 if phase < PULSE / 2 or phase >= 1.0 - PULSE / 2 else 0.0


def constant(phase: float) -> float:
    """1."""
    return 1.0


def one_cycle(phase: float) -> float:
    """Rises from 0 to 1 over the first 0.3 of the cycle and anneals to 0 over the rest, both half cosines.

    The shape of torch's ``OneCycleLR(pct_start=0.3, three_phase=False)``; torch ends both parts one step early, so
    that its last step is the trough, where ours is reached as the cycle ends.
    """
    if phase < RISE:
        return (1.0 - math.cos(math.pi * (phase / RISE))) / 2.0
    return (1.0 + math.cos(math.pi * ((phase - RISE) / (1.0 - RISE)))) / 2.0


def warmup_stable_decay(phase: float) -> float:
    """min(1, φ / 0.05, (1 − φ) / 0.2): a linear warm-up, a plateau, a linear decay to 0.

    The trapezoid of warm-up-stable-decay (arXiv 2404.06395, 2405.18392); several cycles of it resume from the decayed
    weights, as WSD-S does (arXiv 2410.05192).
    """
    return min(1.0, phase / WARM_UP, (1.0 - phase) / DECAY)


@dataclass(frozen=True)
class Wave:
    """A wave with its name and the phases of its extremes.

    Attributes:
        name: the word in a configuration; empty for a user's own function.
        function: from phase to level.
        crest: the phase at which the level is first 1.
        trough: the phase at which it is first 0; 1.0 where it falls to 0 only as the cycle ends; None if never.
    """

    name: str
    function: Function
    crest: float
    trough: float | None


WAVES = {
    wave.name: wave
    for wave in (
        Wave("cosine", cosine, crest=0.0, trough=0.5),
        Wave("triangle", triangle, crest=0.0, trough=0.5),
        Wave("anneal", anneal, crest=0.0, trough=1.0),
        Wave("sawtooth", sawtooth, crest=0.0, trough=1.0),
        Wave("cubic", cubic, crest=0.0, trough=1.0),
        Wave("square", square, crest=0.0, trough=0.5),
        Wave("pulse", pulse, crest=0.0, trough=PULSE / 2),
        Wave("constant", constant, crest=0.0, trough=None),
        Wave("one_cycle", one_cycle, crest=RISE, trough=1.0),
        Wave("warmup_stable_decay", warmup_stable_decay, crest=WARM_UP, trough=1.0),
    )
}
"""The waves that a configuration can name."""

GRID = 1000
"""A user's own function is looked at on this many phases, to check its range and to find its crest and trough."""


def find(wave: str | Function, field: str = "wave") -> Wave:
    """The wave of a name, or of a user's own function from a float in [0, 1] to a float in [0, 1].

    The crest and trough of a user's function are its first highest and lowest phases among thousandths of a cycle; the
    trough is the end of the cycle where it is lowest there as at the beginning.

    Raises:
        PhaseError: an unknown name, or a function whose values are not levels.
    """
    if isinstance(wave, str):
        if wave not in WAVES:
            raise unknown(field, wave, WAVES)
        return WAVES[wave]
    if not callable(wave):
        raise refuse(field, wave, f"one of {', '.join(WAVES)}, or a function from phase to level")
    for known in WAVES.values():
        if known.function is wave:
            return known
    levels = []
    for at in range(GRID + 1):
        level = float(wave(at / GRID))
        if not -1e-12 <= level <= 1 + 1e-12:
            raise PhaseError(f"{field}: {wave!r} gives {level!r} at phase {at / GRID}; expected levels from 0 to 1")
        levels.append(level)
    high, low = max(levels), min(levels)
    lowest = 1.0 if levels[0] == levels[-1] == low else levels.index(low) / GRID
    return Wave("", wave, levels.index(high) / GRID, lowest if low < high else None)

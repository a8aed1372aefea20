"""Voices that follow something measured (a difficulty, an imbalance), whose value no clock tells beforehand.

A voice that follows another *voice* needs no such thing: it is a schedule again (:mod:`lab.phase.schedule`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.phase.errors import number, refuse


@dataclass(frozen=True)
class Follower:
    """A relation to something measured (a teacher's difficulty, a game's imbalance) instead of to a clock.

        value(level) = low + (high − low) · level         in phase
                     = high − (high − low) · level        in anti-phase

    It has no state: whoever measures keeps it, and hands the level in at each step.

    Args:
        source: the name of what is measured.
        low, high: the range, ``low`` ≤ ``high``.
        anti: in anti-phase.

    >>> Follower("difficulty", low=0.0, high=1e-3, anti=True)(0.0)
    0.001
    """

    source: str
    low: float
    high: float
    anti: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not isinstance(self.anti, bool):
            raise refuse("anti", self.anti, "true or false")
        if self.low > self.high:
            raise refuse("low", self.low, f"a number of at most high ({self.high!r})")

    def value(self, level: float) -> float:
        """The value for a level in [0, 1]; other levels are refused."""
        if not 0.0 <= level <= 1.0:
            raise refuse(self.source, level, "a level from 0 to 1")
        falling = (self.high - self.low) * float(level)
        return self.high - falling if self.anti else self.low + falling

    __call__ = value

    def to_config(self) -> dict[str, Any]:
        """Plain data."""
        relation = "anti_phase" if self.anti else "in_phase"
        return {"follow": self.source, "relation": relation, "low": self.low, "high": self.high}

"""Teachers that never change: one difficulty for ever, and uniform randomisation, the control to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from curricula.difficulty import FloatArray, number
from curricula.teachers.teacher import Episodes
from lab.errors import UserError


@dataclass(frozen=True)
class _Unchanging:
    """What a teacher does that takes note of nothing."""

    def update(self, results: Episodes) -> None:
        """Nothing is learnt."""

    def state_dict(self) -> dict[str, Any]:
        """There is none."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """There is none."""


@dataclass(frozen=True)
class Fixed(_Unchanging):
    """The same difficulty always; 1 is no curriculum at all."""

    at: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no difficulty."""
        number("difficulty", self.at, 0.0, 1.0)

    @property
    def level(self) -> float:
        """The difficulty."""
        return float(self.at)

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """The difficulty, n times."""
        return np.full(n, float(self.at))


@dataclass(frozen=True)
class Uniform(_Unchanging):
    """Every episode's difficulty is uniform in [low, high], independently: domain randomisation."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no range of difficulties."""
        number("low", self.low, 0.0, 1.0)
        number("high", self.high, 0.0, 1.0)
        if self.low > self.high:
            raise UserError(f"low is {self.low}; accepted: a number in [0, high = {self.high}]")

    @property
    def level(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n independent draws."""
        return rng.uniform(self.low, self.high, n)

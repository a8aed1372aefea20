"""Uniform randomisation: the control that a curriculum has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curricula.difficulty import FloatArray, number
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.unchanging import Unchanging
from lab.errors import UserError


@dataclass(frozen=True)
class Uniform(Unchanging):
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


class UniformCurriculum(TeacherConfig):
    """Every episode's difficulty is drawn anew from [low, high]."""

    kind: Literal["uniform"]
    low: Level = 0.0
    high: Level = 1.0

    def build(self) -> Uniform:
        """A teacher that draws every episode's difficulty anew."""
        return Uniform(self.low, self.high)

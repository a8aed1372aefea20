"""No curriculum: the same difficulty always, by default the target task's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.unchanging import Unchanging


@dataclass(frozen=True)
class Fixed(Unchanging):
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


class NoCurriculum(TeacherConfig):
    """The same difficulty always, by default the target task's."""

    kind: Literal["none"] = "none"
    difficulty: Level = Field(1.0, description="0 is the easiest, 1 the target task")

    @property
    def needs_difficulty(self) -> bool:
        """A task without difficulty is the target task."""
        return self.difficulty != 1.0

    def build(self) -> Fixed:
        """A teacher that never changes."""
        return Fixed(self.difficulty)

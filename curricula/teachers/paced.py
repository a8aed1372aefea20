"""A teacher that follows a plan: the difficulty is a function of the step, whatever the agent achieves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray
from curricula.pacing import Cyclic, Pacing
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes


@dataclass
class Paced:
    """Open-loop pacing; all it remembers is how far the run is."""

    pacing: Pacing
    step: int = field(default=0, init=False)

    @property
    def level(self) -> float:
        """The plan's difficulty at the step last reported."""
        return self.pacing(self.step)

    @property
    def frontier(self) -> float:
        """What the plan's crest reaches at that step, where it is a wave whose crest rises; else its difficulty."""
        return self.pacing.crest(self.step) if isinstance(self.pacing, Cyclic) else self.level

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """The plan's difficulty, n times."""
        return np.full(n, self.level)

    def update(self, results: Episodes) -> None:
        """Note the step."""
        self.step = results.step

    def state_dict(self) -> dict[str, Any]:
        """The step."""
        return {"step": self.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on at a step."""
        self.step = int(state["step"])


class RampCurriculum(TeacherConfig):
    """What the kinds share that rise once, from ``low`` to ``high``."""

    stop: int = Field(ge=1, description="the step at which the difficulty reaches high")
    start: int = Field(0, ge=0, description="the step at which it leaves low")
    low: Level = 0.0
    high: Level = 1.0

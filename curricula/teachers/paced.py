"""A teacher that follows a plan: the difficulty is a function of the step, whatever the agent achieves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curricula.difficulty import FloatArray
from curricula.pacing import Pacing
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

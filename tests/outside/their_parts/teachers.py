"""A ladder: one rung up after so many successes on the present one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curricula.teachers import Episodes, TeacherConfig


@dataclass
class Ladder:
    rungs: int
    patience: int
    rung: int = 0
    successes: int = 0

    @property
    def level(self) -> float:
        return self.rung / self.rungs

    def difficulty(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        return np.full(n, self.level)

    def update(self, results: Episodes) -> None:
        self.successes += int(results.success.sum())
        if self.successes >= self.patience:
            self.rung, self.successes = min(self.rung + 1, self.rungs), 0

    def state_dict(self) -> dict[str, Any]:
        return {"rung": self.rung, "successes": self.successes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rung, self.successes = state["rung"], state["successes"]


class LadderCurriculum(TeacherConfig):
    rungs: int = Field(4, ge=1, description="steps from the easiest to the target task")
    patience: int = Field(3, ge=1, description="successes for each")

    def build(self) -> Ladder:
        return Ladder(self.rungs, self.patience)

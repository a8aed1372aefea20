"""From the goal outwards: episodes at difficulties of intermediate success, and some at those passed before.

Florensa, Held, Wulfmeier, Zhang and Abbeel, "Reverse Curriculum Generation for Reinforcement Learning" (CoRL 2017,
arXiv 1707.05300), algorithm 1. There a start state is *good* if the probability of success from it lies between R_min =
0.1 and R_max = 0.9; new starts are found near good ones, and a third of all starts are earlier ones (N_new = 200, N_old
= 100).

Here difficulty is the distance from the goal, so the good starts are an interval [near, far]. Its ends follow the two
bounds, each by the share of successes s among the last ``window`` episodes played within one ``step`` inside of it:

    far     s ≥ too_hard  →  far + step     otherwise  far − step        in [near + step, 1]
    near    s > mastered  →  near + step    otherwise  near − step       in [0, far − step]

A share 1 − old of the episodes is uniform in [near, far]; the others are uniform in [0, far].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes
from lab.errors import UserError

TIDY = 12
"""Decimals kept of the ends, so that ten steps of 0.1 are 1, not 0.9999999999999999."""


@dataclass
class Reverse:
    """Keep the episodes in the band of difficulties where the agent neither always nor hardly ever succeeds.

    Attributes:
        too_hard: R_min, the share of successes below which the far end comes back.
        mastered: R_max, the share of successes above which the near end follows, > too_hard.
        window: how many episodes at an end are judged, ≥ 1.
        step: how much an end moves, and how far within the band its episodes are, in (0, 1].
        old: the share of episodes among all difficulties up to the far end.
    """

    too_hard: float = 0.1
    mastered: float = 0.9
    window: int = 20
    step: float = 0.05
    old: float = 1 / 3
    near: float = field(default=0.0, init=False)
    far: float = field(init=False)
    at_near: list[bool] = field(default_factory=list, init=False)
    at_far: list[bool] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Check the settings and begin at the goal."""
        for name in ("too_hard", "mastered", "step", "old"):
            number(name, getattr(self, name), 0.0, 1.0)
        whole("window", self.window, 1)
        if self.step == 0:
            raise UserError("step is 0; accepted: a number in (0, 1]")
        if self.too_hard >= self.mastered:
            raise UserError(f"too_hard is {self.too_hard}; accepted: a number below mastered, {self.mastered}")
        self.far = float(self.step)

    @property
    def level(self) -> float:
        """The mean of the mixture."""
        return self.far / 2 + (1.0 - self.old) * self.near / 2

    @property
    def frontier(self) -> float:
        """The far end."""
        return self.far

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n independent draws of the mixture."""
        start = np.where(rng.random(n) < self.old, 0.0, self.near)
        return np.minimum(start + (self.far - start) * rng.random(n), self.far)

    def update(self, results: Episodes) -> None:
        """Judge the episodes one by one."""
        for difficulty, success in zip(results.difficulty.tolist(), results.success.tolist(), strict=True):
            if self.far - self.step <= difficulty <= self.far:
                self.at_far.append(success)
            if self.near <= difficulty <= self.near + self.step:
                self.at_near.append(success)
            self._move()

    def _move(self) -> None:
        """Move each end whose window is full, and begin its window anew."""
        if len(self.at_far) >= self.window:
            way = self.step if sum(self.at_far) >= self.too_hard * self.window else -self.step
            self.far = round(min(max(self.far + way, self.near + self.step), 1.0), TIDY)
            self.at_far = []
        if len(self.at_near) >= self.window:
            way = self.step if sum(self.at_near) > self.mastered * self.window else -self.step
            self.near = round(max(min(self.near + way, self.far - self.step), 0.0), TIDY)
            self.at_near = []

    def state_dict(self) -> dict[str, Any]:
        """Both ends, and the outcomes at each."""
        return {"near": self.near, "far": self.far, "at_near": list(self.at_near), "at_far": list(self.at_far)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with both ends and the outcomes at each."""
        self.near, self.far = float(state["near"]), float(state["far"])
        self.at_near, self.at_far = list(state["at_near"]), list(state["at_far"])


class ReverseCurriculum(TeacherConfig):
    """From the goal outwards, where the agent neither always nor hardly ever succeeds."""

    kind: Literal["reverse"]
    too_hard: Level = Field(0.1, description="the share of successes below which the far end comes back")
    mastered: Level = Field(0.9, description="the share of successes above which the near end moves on")
    window: int = Field(20, ge=1, le=100_000, description="episodes at an end that are judged together")
    step: float = Field(0.05, gt=0.0, le=1.0, description="how much an end moves")
    old: Level = Field(1 / 3, description="the share of episodes among all difficulties passed so far")

    def build(self) -> Reverse:
        """A teacher at the goal."""
        return Reverse(**self.settings())

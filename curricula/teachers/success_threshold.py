"""An adaptive teacher: the difficulty rises when the agent succeeds often enough at the present one.

Let s be the share of successes among the last ``window`` episodes that were played at the present level d. Then

    s ≥ threshold            d ← min(d + step_up, highest)
    s ≤ floor, step_down > 0 d ← max(d − step_down, lowest)

and the window begins anew. Episodes of another level (they were under way when it changed) do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes
from lab.errors import UserError

SAME = 1e-9
"""Levels closer than this are one level: a difficulty may have been through a mean over axes."""


@dataclass(frozen=True)
class Progress:
    """What the teacher remembers: the level, and the outcomes at it, oldest first (at most a window of them)."""

    level: float
    outcomes: tuple[bool, ...] = ()


@dataclass
class SuccessThreshold:
    """Raise the difficulty when the success rate over a window of episodes passes a threshold.

    Attributes:
        threshold: the share of successes that raises the level, in [0, 1].
        window: how many episodes at one level are judged, ≥ 1.
        step_up: how much the level then rises, in (0, 1].
        step_down: how much it falls where the agent fails, in [0, 1]; 0: it never falls.
        floor: the share of successes at or below which it falls, in [0, threshold).
        lowest: the level it begins with and never falls below.
        highest: the level it never rises above.
        least_return: an episode counts as a success from this return on; None: as the environment says.
    """

    threshold: float = 0.8
    window: int = 50
    step_up: float = 0.1
    step_down: float = 0.0
    floor: float = 0.1
    lowest: float = 0.0
    highest: float = 1.0
    least_return: float | None = None
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        """Check the settings and begin at the lowest level."""
        for name in ("threshold", "step_up", "step_down", "floor", "lowest", "highest"):
            number(name, getattr(self, name), 0.0, 1.0)
        whole("window", self.window, 1)
        if self.least_return is not None:
            number("least_return", self.least_return)
        if self.step_up == 0:
            raise UserError("step_up is 0; accepted: a number in (0, 1]")
        if self.step_down and self.floor >= self.threshold:
            raise UserError(f"floor is {self.floor}; accepted: a number below the threshold, {self.threshold}")
        if self.lowest > self.highest:
            raise UserError(f"lowest is {self.lowest}; accepted: a number in [0, highest = {self.highest}]")
        self.progress = Progress(float(self.lowest))

    @property
    def level(self) -> float:
        """The present level."""
        return self.progress.level

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """The present level, n times."""
        return np.full(n, self.level)

    def update(self, results: Episodes) -> None:
        """Judge the episodes one by one.

        Raises:
            UserError: for a ``least_return`` where the environments report no returns.
        """
        reached = results.success if self.least_return is None else results.scores("return") >= self.least_return
        for difficulty, success in zip(results.difficulty.tolist(), reached.tolist(), strict=True):
            self.progress = self.after(self.progress, difficulty, success)

    def after(self, progress: Progress, difficulty: float, success: bool) -> Progress:
        """The rule itself, without state: what is remembered after one more episode."""
        if abs(difficulty - progress.level) > SAME:
            return progress
        outcomes = (*progress.outcomes, bool(success))[-self.window :]
        if len(outcomes) < self.window:
            return replace(progress, outcomes=outcomes)
        share = sum(outcomes) / self.window
        level = progress.level
        if share >= self.threshold:
            level = _tidy(min(level + self.step_up, self.highest))
        elif self.step_down and share <= self.floor:
            level = _tidy(max(level - self.step_down, self.lowest))
        return Progress(level) if level != progress.level else replace(progress, outcomes=outcomes)

    def state_dict(self) -> dict[str, Any]:
        """The level, and the outcomes at it."""
        return {"level": self.progress.level, "outcomes": list(self.progress.outcomes)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with a level and the outcomes at it."""
        self.progress = Progress(float(state["level"]), tuple(bool(outcome) for outcome in state["outcomes"]))


class SuccessThresholdCurriculum(TeacherConfig):
    """Raise the difficulty when the agent succeeds often enough."""

    kind: Literal["success_threshold"]
    threshold: Level = Field(0.8, description="the share of successes that raises the difficulty")
    window: int = Field(50, ge=1, description="episodes at one difficulty that are judged together")
    step_up: float = Field(0.1, gt=0.0, le=1.0, description="how much it rises")
    step_down: Level = Field(0.0, description="how much it falls where the agent fails; 0: never")
    floor: Level = Field(0.1, description="the share of successes at or below which it falls")
    lowest: Level = Field(0.0, description="where it begins, and never falls below")
    highest: Level = Field(1.0, description="what it never rises above")
    least_return: float | None = Field(
        None, description="the return from which an episode is a success; left out: as the task says"
    )

    def build(self) -> SuccessThreshold:
        """A teacher at the lowest difficulty."""
        return SuccessThreshold(**self.settings())


def _tidy(level: float) -> float:
    """Ten steps of 0.1 are 1, not 0.9999999999999999."""
    return round(level, 12)

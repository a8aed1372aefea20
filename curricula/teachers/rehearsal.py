"""Rehearsal around any curriculum: a share of the episodes returns to earlier difficulties, on the clock.

With p(t) the share at step t, an episode is at a difficulty of the inner curriculum with probability 1 − p(t), and else
at one drawn uniformly from those that episodes have been played at so far. The share is a constant, or a wave

    p(t) = share·wave(t)

so that with the learning rate's own clock rehearsal comes at its crest (``at: {clock: …}``) or at its trough (``offset:
0.5``); to compare them at equal totals, give a constant share the wave's mean (half of it, for a cosine).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.part import Curriculum, Level, TeacherConfig
from curricula.teachers.teacher import Episodes, Teacher, frontier
from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule, Voice
from lab.training.record import Config

DECIMALS = 3
"""Difficulties that are equal to so many decimals are remembered as one."""


@dataclass
class Rehearsal:
    """Mix episodes at earlier difficulties into those of another teacher.

    Attributes:
        of: the other teacher; it learns of all episodes.
        share: the share of rehearsed episodes at each step, within [0, 1].
        memory: how many different difficulties are remembered; then every second one is forgotten, ≥ 2.
        step: how far the run is.
        passed: the difficulties that were played, each once, the oldest first: numbers, or tuples of one an axis.
    """

    of: Teacher
    share: Voice
    memory: int = 2000
    step: int = field(default=0, init=False)
    passed: dict[float | tuple[float, ...], None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        for bound in (self.share.low, self.share.high):
            number("share", bound, 0.0, 1.0)
        whole("memory", self.memory, 2)

    @property
    def level(self) -> float:
        """The mean of the mixture."""
        share = self.share(self.step) if self.passed else 0.0
        earlier = float(np.mean(list(self.passed))) if self.passed else 0.0
        return min((1.0 - share) * self.of.level + share * earlier, 1.0)

    @property
    def frontier(self) -> float:
        """The other teacher's: rehearsal does not set it back."""
        return frontier(self.of)

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """What the other teacher asks for, some of it replaced by what was played earlier."""
        asked = self.of.difficulty(rng, n)
        if not self.passed:
            return asked
        again = rng.random(n) < self.share(self.step)
        earlier = np.array(list(self.passed))[rng.integers(0, len(self.passed), n)]
        return np.where(again if asked.ndim == 1 else again[:, None], earlier, asked)

    def update(self, results: Episodes) -> None:
        """Note the step and the difficulties, and tell the other teacher."""
        self.step = results.step
        for row in np.round(results.difficulty, DECIMALS).tolist():
            self.passed[tuple(row) if isinstance(row, list) else row] = None
            if len(self.passed) > self.memory:
                self.passed = dict.fromkeys(list(self.passed)[::2])
        self.of.update(results)

    def state_dict(self) -> dict[str, Any]:
        """The step, the difficulties played, and the other teacher's state."""
        passed = [list(row) if isinstance(row, tuple) else row for row in self.passed]
        return {"step": self.step, "passed": passed, "of": self.of.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the step, the difficulties played, and the other teacher's state."""
        self.step = int(state["step"])
        self.passed = {tuple(row) if isinstance(row, list | tuple) else float(row): None for row in state["passed"]}
        self.of.load_state_dict(state["of"])


class Times(Config):
    """When to rehearse: at the crests of a wave."""

    clock: dict[str, Any] = Field(description="e.g. {period: 10000}; the learning rate's own, to be in phase with it")
    wave: str = Field("cosine", description="a wave of lab.phase")
    offset: float = Field(0.0, description="in cycles; 0.5 rehearses at the trough of a symmetric wave")


class RehearsalCurriculum(TeacherConfig):
    """Any curriculum, and a share of episodes at the difficulties that it has passed."""

    kind: Literal["rehearsal"]
    of: Curriculum = Field(description="the curriculum that is rehearsed, e.g. {kind: linear, stop: 1000}")
    share: Level = Field(0.3, description="the share of rehearsed episodes; with a wave, at its crest")
    at: Times | None = Field(None, description="when to rehearse, e.g. {clock: {period: 1000}}; null: always")

    def build(self) -> Rehearsal:
        """For one number, or what the inner curriculum asks for."""
        return Rehearsal(self.of.build(), self._voice())

    def build_for(self, axes: Sequence[str]) -> Rehearsal:
        """A teacher that has passed nothing yet."""
        return Rehearsal(self.of.build_for(axes), self._voice())

    def _voice(self) -> Voice:
        if self.at is None:
            return Constant(self.share)
        try:
            return Schedule(Clock.from_config(self.at.clock), self.at.wave, 0.0, self.share, self.at.offset)
        except UserError as error:
            raise UserError(f"at.{error}") from None

"""A curriculum whose changes wait for a phase of a clock: by default the learning rate's trough.

The inner curriculum learns of all episodes, but what it makes of them is adopted only where the clock reaches the
phase: until then episodes are asked for as they were at the last such moment (at first, as at the beginning).

A teacher that judges the agent at its own level (``success_threshold``, ``reverse``) sees no episode of a level that is
not yet asked for, so it rises by one step a cycle at most: let ``step_up`` times the cycles of a run be 1 or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number
from curricula.teachers.part import Curriculum, TeacherConfig
from curricula.teachers.teacher import Episodes, Teacher, frontier
from lab.errors import UserError
from lab.phase import Clock
from lab.training.record import Config


@dataclass
class Waits:
    """Ask as a copy of another teacher does, which is brought up to date at a phase of the clock.

    Attributes:
        learning: the teacher that learns.
        asking: another of the same settings, which asks.
        clock: whose phase is waited for.
        phase: in [0, 1).
        step: how far the run is.
    """

    learning: Teacher
    asking: Teacher
    clock: Clock
    phase: float = 0.5
    step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Refuse a phase that no cycle reaches."""
        if number("phase", self.phase, 0.0, 1.0) == 1.0:
            raise UserError("phase is 1; accepted: a number in [0, 1)")

    @property
    def level(self) -> float:
        """The mean of what is asked for until the next moment."""
        return self.asking.level

    @property
    def frontier(self) -> float:
        """How far the curriculum had come at the last moment."""
        return frontier(self.asking)

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """What the teacher asked for at the last moment."""
        return self.asking.difficulty(rng, n)

    def update(self, results: Episodes) -> None:
        """Tell the teacher that learns; adopt what it has learnt where the phase was reached since the last report."""
        self.learning.update(results)
        if results.step < self.step:  # a count that began anew
            self.step = -1
        if self.clock.steps_at(self.phase, self.step + 1, results.step + 1).size:
            self.asking.load_state_dict(self.learning.state_dict())
        self.step = results.step

    def state_dict(self) -> dict[str, Any]:
        """The step, and the state of both."""
        return {"step": self.step, "learning": self.learning.state_dict(), "asking": self.asking.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the step and the state of both."""
        self.step = int(state["step"])
        self.learning.load_state_dict(state["learning"])
        self.asking.load_state_dict(state["asking"])


class Moment(Config):
    """What to wait for."""

    clock: dict[str, Any] = Field(description="e.g. {period: 10000}; the learning rate's own")
    phase: float = Field(0.5, ge=0.0, lt=1.0, description="0.5 is the trough of a cosine")


class WaitsCurriculum(TeacherConfig):
    """Any curriculum, its changes adopted at one phase of a clock only."""

    kind: Literal["waits"]
    of: Curriculum = Field(
        description="the curriculum that waits, e.g. {kind: success_threshold, step_up: 0.2}: one step a cycle"
    )
    at: Moment = Field(description="when its changes are adopted, e.g. {clock: {period: 1000}}")

    def build(self) -> Waits:
        """For one number, or what the inner curriculum asks for."""
        return self._around(self.of.build(), self.of.build())

    def build_for(self, axes: Sequence[str]) -> Waits:
        """A teacher that has adopted nothing yet."""
        return self._around(self.of.build_for(axes), self.of.build_for(axes))

    def _around(self, learning: Teacher, asking: Teacher) -> Waits:
        try:
            return Waits(learning, asking, Clock.from_config(self.at.clock), self.at.phase)
        except UserError as error:
            raise UserError(f"at.{error}") from None

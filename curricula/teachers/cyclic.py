"""A wave whose crest rises over the run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from curricula.pacing import Cyclic
from curricula.teachers.paced import Paced
from curricula.teachers.part import Level, TeacherConfig
from lab.phase import Clock, Schedule


class CyclicCurriculum(TeacherConfig):
    """Back to the easy tasks in every cycle, and further in each: `curricula.pacing.Cyclic`."""

    kind: Literal["cyclic"]
    clock: dict[str, Any] = Field(description="e.g. {period: 10000}")
    stop: int = Field(ge=1, description="the step from which on crests reach high")
    wave: str = Field("cosine", description="a wave of lab.phase; its crest is the hardest")
    low: Level = Field(0.0, description="the difficulty at troughs")
    first: Level = Field(0.0, description="what a crest at step 0 would reach")
    high: Level = Field(1.0, description="what crests reach at stop")
    offset: float = Field(
        0.5, description="in cycles; 0.5 lets a symmetric wave begin at its trough, with the easy tasks"
    )

    def build(self) -> Paced:
        """A teacher that follows the wave."""
        wave = Schedule(Clock.from_config(self.clock), self.wave, offset=self.offset)
        return Paced(Cyclic(wave, self.stop, self.low, self.first, self.high))

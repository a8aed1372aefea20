"""Any wave of the phase engine as a curriculum: it comes back to the easy tasks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from curricula.pacing import Wave
from curricula.teachers.paced import Paced
from curricula.teachers.part import Level, TeacherConfig
from lab.phase import Clock, Schedule


class WaveCurriculum(TeacherConfig):
    """Easy at the wave's trough, hard at its crest: `curricula.pacing.Wave`."""

    kind: Literal["wave"]
    clock: dict[str, Any] = Field(description="e.g. {period: 10000}")
    wave: str = Field("cosine", description="a wave of lab.phase; its crest is the hardest")
    low: Level = 0.0
    high: Level = 1.0
    offset: float = Field(
        0.5, description="in cycles; 0.5 lets a symmetric wave begin at its trough, with the easy tasks"
    )

    def build(self) -> Paced:
        """A teacher that follows the wave."""
        clock = Clock.from_config(self.clock)
        return Paced(Wave(Schedule(clock, self.wave, low=self.low, high=self.high, offset=self.offset)))

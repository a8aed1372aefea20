"""Equal stairs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from curricula.pacing import Staircase
from curricula.teachers.paced import Paced, RampCurriculum


class StaircaseCurriculum(RampCurriculum):
    """Equal stairs: `curricula.pacing.Staircase`."""

    kind: Literal["staircase"]
    levels: int = Field(5, ge=2, description="how many difficulties, low and high among them")

    def build(self) -> Paced:
        """A teacher that follows the stairs."""
        return Paced(Staircase(**self.settings()))

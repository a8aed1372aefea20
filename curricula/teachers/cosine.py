"""A ramp that begins and ends gently."""

from __future__ import annotations

from typing import Literal

from curricula.pacing import Cosine
from curricula.teachers.paced import Paced, RampCurriculum


class CosineCurriculum(RampCurriculum):
    """A ramp that begins and ends gently: `curricula.pacing.Cosine`."""

    kind: Literal["cosine"]

    def build(self) -> Paced:
        """A teacher that follows the ramp."""
        return Paced(Cosine(**self.settings()))

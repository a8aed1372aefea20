"""A straight ramp."""

from __future__ import annotations

from typing import Literal

from curricula.pacing import Linear
from curricula.teachers.paced import Paced, RampCurriculum


class LinearCurriculum(RampCurriculum):
    """A straight ramp: `curricula.pacing.Linear`."""

    kind: Literal["linear"]

    def build(self) -> Paced:
        """A teacher that follows the ramp."""
        return Paced(Linear(**self.settings()))

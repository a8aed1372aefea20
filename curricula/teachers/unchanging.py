"""What teachers share that take note of nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curricula.teachers.teacher import Episodes


@dataclass(frozen=True)
class Unchanging:
    """A teacher without state; a subclass says which difficulties it asks for."""

    def update(self, results: Episodes) -> None:
        """Nothing is learnt."""

    def state_dict(self) -> dict[str, Any]:
        """There is none."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """There is none."""

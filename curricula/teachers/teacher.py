"""What a teacher is, and what it learns of: it chooses the difficulty of the next episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import FloatArray


@dataclass(frozen=True)
class Episodes:
    """The k ≥ 0 episodes that ended since the last report, in the order in which they ended.

    Attributes:
        step: the run's step at which this is reported.
        difficulty: of each episode, float64[k] in [0, 1].
        returns: undiscounted, float64[k].
        lengths: in steps, int64[k].
        success: whether each reached the task's aim, bool[k].
    """

    step: int
    difficulty: FloatArray
    returns: FloatArray
    lengths: NDArray[np.int64]
    success: NDArray[np.bool_]

    @classmethod
    def none(cls, step: int) -> Episodes:
        """No episode ended; only time has passed."""
        return cls(step, np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.bool_))

    @classmethod
    def of(cls, step: int, info: Mapping[str, Any]) -> Episodes:
        """The episodes that ended in one step of a `curricula.vector.BatchedTask`, from its ``info``."""
        if "_episode" not in info:
            return cls.none(step)
        ended = info["_episode"]
        return cls(
            step,
            info["final_info"]["difficulty"][ended],
            info["episode"]["r"][ended],
            info["episode"]["l"][ended],
            info["success"][ended],
        )


class Teacher(Protocol):
    """Chooses the difficulty of the next episodes. Its settings never change; all that does is in ``state_dict``."""

    @property
    def level(self) -> float:
        """The mean difficulty it now asks for, in [0, 1]: what a schedule that follows the curriculum reads."""

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Difficulties for the next n episodes, float64[n] in [0, 1]; draws from ``rng`` only, and changes nothing."""

    def update(self, results: Episodes) -> None:
        """Take note of the time, and of the episodes that ended."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as JSON values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""

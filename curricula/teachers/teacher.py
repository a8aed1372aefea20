"""What a teacher is, and what it learns of: it chooses the difficulty of the next episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curricula.difficulty import FloatArray
from lab.errors import UserError

Measure: TypeAlias = Literal["return", "success"]
"""What of an episode a teacher judges the agent by: the return in the task's own units, or 1 for a success, else 0."""

_NOTHING = (np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.bool_))


@dataclass(frozen=True)
class Episodes:
    """The k ≥ 0 episodes that ended since the last report, in the order in which they ended.

    Attributes:
        step: the run's step at which this is reported.
        difficulty: of each episode, every value in [0, 1], in the form in which the teacher asks for it: float64[k], or
            float64[k, axes].
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
        return cls(step, *_NOTHING)

    @classmethod
    def of(cls, step: int, info: Mapping[str, Any], per_axis: bool = False) -> Episodes:
        """The episodes that ended in one step of a `curricula.vector.BatchedTask`, from its ``info``.

        Args:
            step: the run's step.
            info: of the step.
            per_axis: for a teacher of several axes.
        """
        if "_episode" not in info:
            return cls.none(step)
        ended = info["_episode"]
        return cls(
            step,
            info["final_info"]["difficulties" if per_axis else "difficulty"][ended],
            info["episode"]["r"][ended],
            info["episode"]["l"][ended],
            info["success"][ended],
        )

    def contexts(self, axes: int) -> FloatArray:
        """The difficulties as float64[k, axes], whatever their form."""
        rows = self.difficulty if self.difficulty.ndim == 2 else self.difficulty[:, None]
        return np.broadcast_to(rows, (len(self.returns), axes)) if len(self.returns) else np.zeros((0, axes))

    def along(self, axis: int) -> Episodes:
        """The same episodes as a teacher of one axis sees them."""
        return self if self.difficulty.ndim == 1 else replace(self, difficulty=self.difficulty[:, axis])

    def scores(self, measure: Measure) -> FloatArray:
        """What the agent is judged by, float64[k].

        Raises:
            UserError: for returns that the environments do not report.
        """
        if measure == "success":
            return self.success.astype(np.float64)
        if not np.isfinite(self.returns).all():
            raise UserError(
                "curriculum: the environments report no returns (info['episode']); accepted: measure: success, or "
                "environments inside stable_baselines3.common.monitor.Monitor"
            )
        return self.returns


class Teacher(Protocol):
    """Chooses the difficulty of the next episodes. Its settings never change; all that does is in ``state_dict``.

    A teacher may have a property ``frontier`` too (see the function of that name).
    """

    @property
    def level(self) -> float:
        """The mean difficulty it now asks for, in [0, 1]: what a schedule that follows the curriculum reads."""

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Difficulties for the next n episodes, in [0, 1]; draws from ``rng`` only, and changes nothing.

        The form is the teacher's own, and always the same: float64[n], one number for all axes of the task, or
        float64[n, axes], in the order of the task's axes.
        """

    def update(self, results: Episodes) -> None:
        """Take note of the time, and of the episodes that ended."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as JSON values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""


def frontier(teacher: Teacher) -> float:
    """The hardest difficulty up to which the curriculum has come, in [0, 1]: ``teacher.frontier``, or else its level.

    The two differ where a teacher spreads its episodes behind the frontier, or goes back for some of them.
    """
    return float(getattr(teacher, "frontier", teacher.level))

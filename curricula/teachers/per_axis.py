"""Each axis of difficulty at its own pace, by a curriculum of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, meant
from curricula.teachers.fixed import Fixed
from curricula.teachers.part import Curriculum, TeacherConfig
from curricula.teachers.teacher import Episodes, Teacher, frontier
from lab.errors import UserError


@dataclass
class PerAxis:
    """One teacher an axis; each learns of every episode, and of its own axis's difficulty in it.

    Attributes:
        teachers: by the name of the axis, in the order of the task's axes.
    """

    teachers: Mapping[str, Teacher]

    def __post_init__(self) -> None:
        """Refuse none at all."""
        if not self.teachers:
            raise UserError("axes is {}; accepted: a curriculum for at least one axis")

    @property
    def level(self) -> float:
        """The mean over axes."""
        return float(np.mean([teacher.level for teacher in self.teachers.values()]))

    @property
    def frontier(self) -> float:
        """The mean of the axes' frontiers."""
        return float(np.mean([frontier(teacher) for teacher in self.teachers.values()]))

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """What each axis's teacher asks for, float64[n, axes]."""
        return np.column_stack([teacher.difficulty(rng, n) for teacher in self.teachers.values()])

    def update(self, results: Episodes) -> None:
        """Tell each axis's teacher."""
        for axis, teacher in enumerate(self.teachers.values()):
            teacher.update(results.along(axis))

    def state_dict(self) -> dict[str, Any]:
        """Each axis's teacher's."""
        return {name: teacher.state_dict() for name, teacher in self.teachers.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with each axis's teacher's."""
        for name, teacher in self.teachers.items():
            teacher.load_state_dict(state[name])


class PerAxisCurriculum(TeacherConfig):
    """Each axis by its own curriculum; one that is not named stands at the target."""

    kind: Literal["per_axis"]
    axes: Mapping[str, Curriculum] = Field(
        min_length=1, description="axis -> curriculum, e.g. {power: {kind: linear, stop: 1000}}"
    )

    def build(self) -> PerAxis:
        """For the named axes alone, in their order."""
        return self.build_for(tuple(self.axes))

    def build_for(self, axes: Sequence[str]) -> PerAxis:
        """A teacher for every axis of the task.

        Raises:
            UserError: for a named axis that the task does not have.
        """
        for name in self.axes:
            if name not in axes:
                known = ", ".join(axes) or "none: this task's environments name no axes"
                raise UserError(f"axes.{name} is no axis of the task{meant(name, axes)}; accepted: {known}")
        return PerAxis({name: self.axes[name].build_for((name,)) if name in self.axes else Fixed(1.0) for name in axes})

"""What a kind of curriculum is in a configuration: its settings, and the teacher that is built from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from curricula.teachers.teacher import Teacher
from lab.errors import UserError
from lab.training.parts import Part, Parts

Level = Annotated[float, Field(ge=0.0, le=1.0)]
"""A difficulty: 0 is the easiest, 1 the target task."""


class TeacherConfig(Part):
    """A curriculum's settings as fields. A kind of your own subclasses it, in any module, and is named by it::

        curriculum: {kind: "my_package.my_module:MyCurriculum", patience: 20}

    A setting that the teacher itself refuses with a ``UserError`` is refused when the configuration is read.
    """

    kind: str

    def build(self) -> Teacher:
        """A teacher at its beginning; called once or more for a run, each answer new."""
        raise NotImplementedError

    def build_for(self, axes: Sequence[str]) -> Teacher:
        """A teacher for a task with these axes of difficulty, in its order; for one number where there are none.

        The same as ``build``, unless a kind minds how many axes there are, or what they are called.
        """
        return self.build()

    @property
    def needs_difficulty(self) -> bool:
        """Whether the task must have a difficulty: all but the one that stays at the target task need it."""
        return True

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        try:
            self.build()
        except UserError as error:
            raise UserError(f"curriculum.{error}") from error
        return self

    def settings(self) -> dict[str, Any]:
        """Every field but ``kind``, by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}


def _kinds() -> Sequence[type[TeacherConfig]]:
    from curricula.teachers import KINDS

    return KINDS


TEACHERS: Parts[TeacherConfig] = Parts("curriculum", "kind", TeacherConfig, _kinds)
"""Every kind of curriculum by its word in a configuration; the package lists them."""

Curriculum = Annotated[TeacherConfig, TEACHERS]
"""A field that holds any curriculum: some kinds are made of others."""

"""Classes in groups, one group a task (Zenke et al. 2017): Split-MNIST has five tasks of two digits."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from lab.errors import UserError
from lab.supervised.datasets import Labelled
from lab.supervised.tasks.part import TaskSet, TasksPart


class SplitTasks(TasksPart):
    """Each task has classes of its own.

    Incremental by ``class``, all classes compete in every answer; by ``task``, a sample's task is told (van de Ven &
    Tolias 2019), and only its classes compete, in training and in scoring.
    """

    name: Literal["split"] = "split"
    number: int | None = Field(None, ge=2, le=1000, description="how many tasks there are")
    classes: int | None = Field(None, ge=1, le=1000, description="in the place of number: how many classes a task has")
    incremental: Literal["class", "task"] = Field("class", description="what comes piece by piece: see the part")
    shuffled: bool = Field(False, description="take the classes in an order of the seed, not in that of their numbers")

    @model_validator(mode="after")
    def _one_of_two(self) -> SplitTasks:
        if (self.number is None) == (self.classes is None):
            given = "neither is" if self.number is None else "both are"
            raise UserError(f"tasks: number of tasks, or classes of a task: {given} given; one of them is accepted")
        return self

    @property
    def known_number(self) -> int | None:
        """As it is given."""
        return self.number

    def divide(self, data: Labelled, random: torch.Generator) -> TaskSet:
        """Tasks of equally many classes."""
        each = self._classes_each(data.classes)
        order = torch.randperm(data.classes, generator=random) if self.shuffled else torch.arange(data.classes)
        groups = order.view(-1, each)
        heads = torch.zeros(len(groups), data.classes, dtype=torch.bool).scatter_(1, groups, True)
        return TaskSet(
            train=_places(data.labels, groups, "training"),
            test=_places(data.test_labels, groups, "test"),
            heads=heads if self.incremental == "task" else None,
        )

    def _classes_each(self, classes: int) -> int:
        field, given = ("number", self.number) if self.number is not None else ("classes", self.classes)
        assert given is not None  # the validator has seen to it
        if classes % given or (field == "classes" and given == classes):
            most = classes // 2 if field == "classes" else classes
            fit = ", ".join(str(n) for n in range(1 if field == "classes" else 2, most + 1) if classes % n == 0)
            raise UserError(f"tasks.{field}: {given} does not divide {classes} classes into tasks; {fit} are accepted")
        return classes // given if field == "number" else given


def _places(labels: Tensor, groups: Tensor, part: str) -> tuple[Tensor, ...]:
    """Where the samples of each group of classes are, int64[n] each.

    Raises:
        UserError: a class has none.
    """
    counts = torch.bincount(labels, minlength=groups.numel())
    if empty := (counts == 0).nonzero()[:, 0].tolist():
        raise UserError(f"tasks: class {empty[0]} has no {part} samples; every class needs some")
    return tuple(torch.isin(labels, group).nonzero()[:, 0] for group in groups)

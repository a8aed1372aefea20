"""The same classes over and over, each task with the numbers of a sample in an order of its own: Permuted MNIST."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from lab.supervised.datasets import Labelled
from lab.supervised.tasks.part import TaskSet, TasksPart


class PermutedTasks(TasksPart):
    """Every task has all samples, their pixels permuted alike (Goodfellow et al. 2014); the first as they are."""

    name: Literal["permuted"] = "permuted"
    number: int = Field(ge=2, le=1000, description="how many tasks there are")

    @property
    def known_number(self) -> int:
        """As it is given."""
        return self.number

    def divide(self, data: Labelled, random: torch.Generator) -> TaskSet:
        """Tasks that share all samples."""
        numbers = data.inputs[0].numel()
        orders = [torch.randperm(numbers, generator=random) for _ in range(self.number - 1)]
        return TaskSet(
            train=(torch.arange(len(data.labels)),) * self.number,
            test=(torch.arange(len(data.test_labels)),) * self.number,
            pixels=torch.stack([torch.arange(numbers), *orders]),
        )

"""What a way of making tasks is to the classifier's trainer: which samples are whose, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from lab.errors import UserError
from lab.phase import Clock
from lab.supervised.datasets import Labelled
from lab.training.parts import Part

LEAST_CYCLES = 2
"""Cycles of the clock that a task should have, so that its phase is not the time since the task began."""


@dataclass(frozen=True)
class TaskSet:
    """A data set in tasks, in the order in which they are learned.

    Attributes:
        train, test: of each task the places of its samples in the training and the test part, int64[n].
        heads: where the task of a sample is told, the classes that it may be of, bool[tasks, classes]; else None.
        pixels: where each task permutes the numbers of its samples, their order, int64[tasks, numbers]; else None.
    """

    train: tuple[Tensor, ...]
    test: tuple[Tensor, ...]
    heads: Tensor | None = None
    pixels: Tensor | None = None

    def __len__(self) -> int:
        """How many tasks there are."""
        return len(self.train)


class TasksPart(Part):
    """A sequence of tasks, each with an equal share of the run's steps. A subclass adds its settings as fields."""

    name: str
    joint: bool = Field(False, description="learn all tasks at once, and ask about them as if one after the other")
    watch_every: int = Field(
        10, ge=0, le=1_000_000, description="steps between looks at earlier tasks, for their worst accuracy; 0: none"
    )
    watch_samples: int = Field(100, ge=1, le=100_000, description="test samples of each task that such a look is at")

    @property
    def known_number(self) -> int | None:
        """How many tasks there are, where that is known without the data."""
        raise NotImplementedError

    def divide(self, data: Labelled, random: torch.Generator) -> TaskSet:
        """The tasks of a data set.

        Args:
            data: in its training and test part.
            random: for what is left to chance.

        Raises:
            UserError: the data cannot be divided so.
        """
        raise NotImplementedError


def check_length(number: int, steps: int) -> int:
    """The steps of each of ``number`` tasks.

    Raises:
        UserError: they would not be equally long.
    """
    if steps % number:
        near = max(1, round(steps / number)) * number
        raise UserError(
            f"steps: {steps} is not accepted; {number} equally long tasks take a multiple of {number}, such as {near}"
        )
    return steps // number


def check_cycles(length: int, clock: Clock, warn: Callable[[str], None]) -> None:
    """Tell of tasks so short, against the clock's first cycle, that phase and time could be taken for each other."""
    (period,) = clock.periods(1)
    if length < LEAST_CYCLES * period:
        warn(
            f"tasks: each has {length} steps, fewer than two cycles of {period}; what seems an effect of the phase may "
            "be one of the time since the task began"
        )

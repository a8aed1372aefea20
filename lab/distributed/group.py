"""What workers ask of each other, and the group of those that take turns in one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lab.errors import RunError


class LostWorkerError(RunError):
    """A worker is gone; those that are left cannot go on without it."""


class Group(Protocol):
    """All workers of a run. Each process has some of them, and every process calls the same members in one order.

    Attributes:
        size: how many workers there are.
        ranks: those of this process.
    """

    size: int
    ranks: Sequence[int]

    @property
    def leads(self) -> bool:
        """Whether this process has worker 0, which keeps the run's directory."""

    def mean(self, rows: Sequence[Tensor]) -> Tensor:
        """The mean over all workers of a vector float[n] of each; ``rows`` are those of this process."""

    def gather(self, items: Sequence[Any]) -> list[Any]:
        """A tree of each worker, in order of rank, where worker 0 is; an empty list elsewhere.

        A tree is what a checkpoint can hold (:mod:`lab.training.tree`).
        """

    def scatter(self, items: Sequence[Any]) -> list[Any]:
        """The trees of this process' workers, of those of all, which only worker 0's process need give."""

    def tell(self, word: str, number: int) -> None:
        """Ask the other processes to do what this one, which leads, is about to do."""


class Turns:
    """Workers that take turns in one process: the same sums, without anything sent."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ranks: Sequence[int] = range(size)

    @property
    def leads(self) -> bool:
        """Always."""
        return True

    def mean(self, rows: Sequence[Tensor]) -> Tensor:
        """The mean of all rows."""
        return torch.stack(tuple(rows)).mean(dim=0)

    def gather(self, items: Sequence[Any]) -> list[Any]:
        """All items."""
        return list(items)

    def scatter(self, items: Sequence[Any]) -> list[Any]:
        """All items."""
        return list(items)

    def tell(self, word: str, number: int) -> None:
        """There is nobody else."""


class Counted:
    """A group that counts what each worker sends.

    An all-reduce of b bytes over a ring of K workers sends 2·(K − 1)/K·b bytes from each (Patarasuk & Yuan 2009); what
    is counted is this number, whatever way the bytes took, so that it is the same for workers that take turns. b is of
    all that is averaged: weights, statistics of BatchNorm, and what follows the weights, such as a moving average.

    Attributes:
        sent: bytes from each worker so far.
        rounds: how many means were taken.
    """

    def __init__(self, group: Group) -> None:
        self._group = group
        self.sent, self.rounds = 0, 0

    def mean(self, rows: Sequence[Tensor]) -> Tensor:
        """As the group's, counted."""
        found = self._group.mean(rows)
        self.sent += round(2 * (self._group.size - 1) / self._group.size * found.nbytes)
        self.rounds += 1
        return found

    def state_dict(self) -> dict[str, int]:
        """The counts."""
        return {"sent": self.sent, "rounds": self.rounds}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on counting."""
        self.sent, self.rounds = int(state["sent"]), int(state["rounds"])


Mean = Callable[[Sequence[Tensor]], Tensor]
"""As :meth:`Group.mean`."""

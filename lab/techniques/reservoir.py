"""A memory of fixed size that holds a uniform random sample of all that it was ever offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class Reservoir:
    """Algorithm R (Vitter 1985, "Random sampling with a reservoir"): each sample offered is held with equal chance.

    The sample that comes after ``seen`` others takes the next free place, or, where there is none, place
    ``⌊u · (seen + 1)⌋`` of a uniform u, if there is such a place; else it is forgotten.

    A sample has one or more columns, such as inputs and labels, kept as they come: of any type, on their own device.
    Chance is drawn on the host, and nothing waits for the device.

    Args:
        size: how many samples it holds, at least 1.
        random: a host generator that decides what is kept; its owner saves it.

    >>> reservoir = Reservoir(3, torch.Generator().manual_seed(0))
    >>> reservoir.offer(torch.arange(2))
    >>> len(reservoir), reservoir.columns[0][:2].tolist()
    (2, [0, 1])
    """

    def __init__(self, size: int, random: torch.Generator) -> None:
        self.size, self.seen = size, 0
        self.columns: tuple[Tensor, ...] = ()
        """What is held: the first ``len(self)`` of each column, [size, …]; none before the first offer."""
        self._random = random

    def __len__(self) -> int:
        """How many samples it holds."""
        return min(self.seen, self.size)

    def offer(self, *columns: Tensor) -> None:
        """Offer samples one after the other; column i holds the i-th thing that is known of each, [n, …]."""
        if not self.columns:
            self.columns = tuple(column.new_zeros((self.size, *column.shape[1:])) for column in columns)
        last = self._places(len(columns[0]))
        if last:
            places, which = torch.tensor(list(last)), torch.tensor(list(last.values()))
            for held, column in zip(self.columns, columns, strict=True):
                taken = column.index_select(0, which.to(column.device))
                held.index_copy_(0, places.to(held.device), taken.to(held.device))

    def _places(self, n: int) -> dict[int, int]:
        """Which of the next ``n`` samples to put where; of several for one place the last."""
        # In plain Python: at the size of a batch every call of torch costs as much as ten samples of this loop.
        drawn = torch.rand(n, generator=self._random, dtype=torch.float64).tolist()
        last = {}
        for order, (seen, u) in enumerate(enumerate(drawn, self.seen)):
            place = seen if seen < self.size else int(u * (seen + 1))
            if place < self.size:
                last[place] = order
        self.seen += n
        return last

    def draw(self, n: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """The columns of ``n`` of those held, each any of them with equal chance.

        Args:
            n: how many; may be more than are held.
            random: a host generator.

        Raises:
            ValueError: nothing is held yet.
        """
        if not len(self):
            raise ValueError("the reservoir is empty")
        index = torch.randint(len(self), (n,), generator=random)
        return tuple(column.index_select(0, index.to(column.device)) for column in self.columns)

    def state_dict(self) -> Mapping[str, Any]:
        """What was seen and what is held."""
        return {"seen": self.seen, "columns": list(self.columns)}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device | None = None) -> None:
        """Go back to where ``state_dict`` was taken.

        Args:
            state: of a reservoir of this size.
            device: where the columns are to lie; None leaves them where they are.

        Raises:
            ValueError: it is of a reservoir of another size.
        """
        columns: Sequence[Tensor] = state["columns"]
        if any(len(column) != self.size for column in columns) or (not columns and state["seen"]):
            raise ValueError(f"it holds no reservoir of {self.size:,} samples")
        self.seen = int(state["seen"])
        self.columns = tuple(column.to(device or column.device, copy=True) for column in columns)

"""Which samples of a set come next: all in a random order, epoch after epoch, resumed where it stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor


class Places(Protocol):
    """Which samples of a set come next."""

    def take(self, n: int) -> Tensor:
        """The next ``n`` of them, int64[n] (or int64[n, parts] where a sample is put together), on the host."""

    def state_dict(self) -> dict[str, Any]:
        """Where it stands; its generator is saved by its owner."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where ``state_dict`` was taken."""


class Epochs:
    """The numbers 0 … size−1 in a random order, every one once before any is taken again.

    Args:
        size: how many there are.
        generator: a host generator from which each epoch's order is drawn.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self._generator = generator
        self._order = torch.randperm(size, generator=generator)
        self._next = 0

    def take(self, n: int) -> Tensor:
        """The next ``n``, int64[n]; they may reach over the end of an epoch."""
        parts = []
        while n > 0:
            part = self._order[self._next : self._next + n]
            parts.append(part)
            n -= len(part)
            self._next += len(part)
            if n > 0:
                self._order = torch.randperm(len(self._order), generator=self._generator)
                self._next = 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def state_dict(self) -> dict[str, Any]:
        """The present epoch's order and the place in it."""
        return {"order": self._order, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore order and place.

        Raises:
            ValueError: it is the order of another set.
        """
        order, place = state["order"].clone(), int(state["next"])
        if not torch.equal(order.sort().values, torch.arange(len(self._order))) or not 0 <= place <= len(order):
            raise ValueError(f"its order is none of {len(self._order):,} samples")
        self._order, self._next = order, place

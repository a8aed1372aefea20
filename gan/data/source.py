"""What the trainer asks of data, and the two ways to answer: draw from a density, or shuffle what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

RESIDENT_FRACTION = 0.5
"""Share of a GPU's free memory that a data set may take; a larger one stays in host memory."""


class Source(Protocol):
    """Real samples, batch after batch."""

    def batch(self, n: int) -> Tensor:
        """The next ``n`` samples, float32[n, *shape] on the training device."""

    def state_dict(self) -> dict[str, Any]:
        """Where the source stands (its cursor and order); its generators are saved by their owner."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where ``state_dict`` was taken."""


class Density(Protocol):
    """A distribution that can be drawn from without end."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` independent samples, float32[n, 2] on the generator's device."""


class Endless:
    """A density drawn from ``generator``; it stands nowhere but in the generator."""

    def __init__(self, density: Density, generator: torch.Generator) -> None:
        self._density = density
        self._generator = generator

    def batch(self, n: int) -> Tensor:
        """``n`` fresh samples."""
        return self._density.sample(n, self._generator)

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


class Shuffled:
    """Images taken in a random order, every image once before any is taken again.

    Args:
        images: uint8[n, channels, height, width] on the host.
        device: where batches are wanted; the whole set moves there when it fits.
        generator: a host generator from which each epoch's order is drawn.
    """

    def __init__(self, images: Tensor, device: torch.device, generator: torch.Generator) -> None:
        self._device = device
        self._images = images.to(device) if fits(images, device) else images
        self._generator = generator
        self._order = torch.randperm(len(images), generator=generator)
        self._next = 0

    def batch(self, n: int) -> Tensor:
        """The next ``n`` images as float32 in [−1, 1]; a batch may reach over the end of an epoch."""
        parts = []
        while n > 0:
            part = self._order[self._next : self._next + n]
            parts.append(part)
            n -= len(part)
            self._next += len(part)
            if n > 0:
                self._order = torch.randperm(len(self._order), generator=self._generator)
                self._next = 0
        index = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self._images.device.type != self._device.type:
            return to_unit(_sent(self._images[index], self._device))
        return to_unit(self._images[_sent(index, self._device)])

    def state_dict(self) -> dict[str, Any]:
        """The present epoch's order and the place in it."""
        return {"order": self._order, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore order and place."""
        self._order = state["order"].clone()
        self._next = int(state["next"])


def _sent(values: Tensor, device: torch.device) -> Tensor:
    """Host values on ``device``; only from pinned memory does a copy to a GPU not make the host wait."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values


def fits(images: Tensor, device: torch.device) -> bool:
    """Whether ``images`` may live on ``device``: always in host memory, on a GPU up to a share of what is free."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= RESIDENT_FRACTION * free


def to_unit(images: Tensor) -> Tensor:
    """Bytes 0 … 255 as float32 in [−1, 1], the range of a generator's tanh."""
    return images.float().div_(127.5).sub_(1.0)


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [−1, 1] as bytes 0 … 255, rounded to nearest; values outside are clipped."""
    return images.add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)

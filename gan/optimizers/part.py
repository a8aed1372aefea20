"""What a kind of optimiser is to the GAN trainer: something that torch steps, and what it remembers of a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.training.parts import Part

Moved: TypeAlias = tuple[Tensor, dict[str, Tensor]]
"""A weight, and what an optimiser remembers of it."""


class OptimizerPart(Part):
    """An optimiser for each player. A subclass adds its settings as fields, all but the learning rate."""

    moments: ClassVar[Sequence[str]] = ()
    """What it keeps for each parameter once it has stepped; "step" is one number, all else of the parameter's shape."""

    capturable: ClassVar[bool] = False
    """Whether its step can be part of a CUDA graph: it takes its rate from a tensor on the device."""

    name: str

    @property
    def memories(self) -> list[str]:
        """Those of :attr:`moments` that are of a parameter's shape, and that its settings make use of."""
        return [moment for moment in self.moments if moment != "step"]

    @property
    def inertia(self) -> float:
        """The share of its last move that it makes again, in (-1, 1); :meth:`size` is of what that adds up to."""
        return 0.0

    def build(self, parameters: Sequence[nn.Parameter], rate: float | Tensor) -> Optimizer:
        """The optimiser of one player, its learning rate to be set before each step.

        Args:
            parameters: of the player's network, all of which have a gradient at each step.
            rate: the initial rate: a number, or on a GPU a tensor there, which is filled without a synchronisation.
        """
        raise NotImplementedError

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """By what a small, lasting gradient of this parameter is multiplied in a step, besides by the learning rate.

        Args:
            parameter: one of the player's.
            kept: what the optimiser remembers of it, by the names in :attr:`moments`; empty before its first step.

        Returns:
            Of the parameter's shape.
        """
        return torch.ones_like(parameter)

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """One step as a pure function, for diagnostics that differentiate it.

        Args:
            weight, gradient: of one parameter.
            kept: its :attr:`memories`, zeros before the first step.
            rate: the learning rate.
            step: which step of the optimiser's this is, from 1.

        Returns:
            The weight after it, and what is remembered then.
        """
        raise NotImplementedError


def rate_on(device: torch.device, captured: bool = False) -> float | Tensor:
    """A learning rate of 0 in the form that can be set on ``device`` without making it wait.

    Args:
        captured: whether a step has to find it on the device, even where that is the CPU: in float64, as a number is.
    """
    if device.type == "cuda":
        return torch.zeros((), device=device)
    return torch.zeros((), dtype=torch.float64) if captured else 0.0

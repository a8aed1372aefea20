"""What a kind of optimiser is to the GAN trainer: something that torch steps, and what it remembers of a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.training.parts import Part


class OptimizerPart(Part):
    """An optimiser for each player. A subclass adds its settings as fields, all but the learning rate."""

    moments: ClassVar[Sequence[str]] = ()
    """What it keeps for each parameter once it has stepped; "step" is one number, all else of the parameter's shape."""

    capturable: ClassVar[bool] = False
    """Whether its step can be part of a CUDA graph: it takes its rate from a tensor on the device."""

    name: str

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


def adaptive(parameter: Tensor, kept: Mapping[str, Tensor], beta2: float, eps: float) -> Tensor:
    """That of Adam, 1/(√v̂ + ε), v̂ its mean of squared gradients as it stands."""
    if "exp_avg_sq" not in kept:
        return torch.ones_like(parameter)
    square = kept["exp_avg_sq"].to(parameter) / (1 - beta2 ** float(kept["step"]))
    return torch.reciprocal(square.sqrt() + eps)


def rate_on(device: torch.device, captured: bool = False) -> float | Tensor:
    """A learning rate of 0 in the form that can be set on ``device`` without making it wait.

    Args:
        captured: whether a step has to find it on the device, even where that is the CPU: in float64, as a number is.
    """
    if device.type == "cuda":
        return torch.zeros((), device=device)
    return torch.zeros((), dtype=torch.float64) if captured else 0.0

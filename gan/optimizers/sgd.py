"""Gradient descent with momentum, which games may want negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import SGD

from gan.optimizers.part import Moved, OptimizerPart


class SgdOptimizer(OptimizerPart):
    """SGD, v ← momentum·v + ∇, θ ← θ − lr·v; negative momentum damps the rotation of a game (Gidel et al. 2019)."""

    moments: ClassVar[Sequence[str]] = ("momentum_buffer",)

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.0, gt=-1, lt=1, description="share of the last step that is taken again")

    @property
    def memories(self) -> list[str]:
        """None without momentum."""
        return super().memories if self.momentum else []

    @property
    def inertia(self) -> float:
        """The momentum."""
        return self.momentum

    def build(self, parameters: Sequence[nn.Parameter], rate: float | Tensor) -> SGD:
        """Torch's SGD, whose constructor alone refuses a negative momentum."""
        optimizer = SGD(parameters, lr=rate, momentum=abs(self.momentum))
        optimizer.param_groups[0]["momentum"] = self.momentum
        return optimizer

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """1/(1 − momentum)."""
        return torch.full_like(parameter, 1 / (1 - self.momentum))

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """SGD's; without momentum nothing is remembered."""
        if not self.momentum:
            return weight - rate * gradient, {}
        velocity = self.momentum * kept["momentum_buffer"] + gradient
        return weight - rate * velocity, {"momentum_buffer": velocity}

"""Gradient descent with momentum, which games may want negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import SGD

from gan.optimizers.part import OptimizerPart


class SgdOptimizer(OptimizerPart):
    """SGD, v ← momentum·v + ∇, θ ← θ − lr·v; negative momentum damps the rotation of a game (Gidel et al. 2019)."""

    moments: ClassVar[Sequence[str]] = ("momentum_buffer",)

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.0, gt=-1, lt=1, description="share of the last step that is taken again")

    def build(self, parameters: Sequence[nn.Parameter], rate: float | Tensor) -> SGD:
        """Torch's SGD, whose constructor alone refuses a negative momentum."""
        optimizer = SGD(parameters, lr=rate, momentum=abs(self.momentum))
        optimizer.param_groups[0]["momentum"] = self.momentum
        return optimizer

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """1/(1 − momentum)."""
        return torch.full_like(parameter, 1 / (1 - self.momentum))

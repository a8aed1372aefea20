"""Torch's SGD and Adam, by their fused kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch.optim import SGD, Adam
from torch.optim.optimizer import ParamsT

from lab.supervised.optimizers.part import OptimizerPart
from lab.training.restoring import ADAM


class SgdOptimizer(OptimizerPart):
    """SGD with Nesterov's momentum, v ← momentum·v + ∇, θ ← θ − lr·(∇ + momentum·v); without momentum plain SGD."""

    moments: ClassVar[Sequence[str]] = ("momentum_buffer",)

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0, lt=1, description="share of the last step that is taken again")

    @property
    def memories(self) -> Sequence[str]:
        """None without momentum."""
        return self.moments if self.momentum else ()

    def build(self, parameters: ParamsT) -> SGD:
        """Torch's fused SGD."""
        return SGD(parameters, lr=0.0, momentum=self.momentum, nesterov=self.momentum > 0, fused=True)


class AdamOptimizer(OptimizerPart):
    """Adam (Kingma & Ba 2015); with the technique ``weight_decay`` it is AdamW."""

    moments: ClassVar[Sequence[str]] = ADAM

    name: Literal["adam"] = "adam"
    beta1: float = Field(0.9, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")

    def build(self, parameters: ParamsT) -> Adam:
        """Torch's fused Adam."""
        return Adam(parameters, lr=0.0, betas=(self.beta1, self.beta2), eps=self.eps, fused=True)

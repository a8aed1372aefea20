"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan.optimizers.part import Moved, OptimizerPart
from lab.training.adam import LeanAdam
from lab.training.restoring import ADAM


class _Adaptive(OptimizerPart):
    """What both have: two moments of the gradient, and steps of the size of their ratio."""

    moments: ClassVar[Sequence[str]] = ADAM
    capturable: ClassVar[bool] = True

    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")

    @property
    def inertia(self) -> float:
        """beta1."""
        return self.beta1

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """1/(√v̂ + ε), v̂ the mean of squared gradients as it stands."""
        if "exp_avg_sq" not in kept:
            return torch.ones_like(parameter)
        square = kept["exp_avg_sq"].to(parameter) / (1 - self.beta2 ** float(kept["step"]))
        return torch.reciprocal(square.sqrt() + self.eps)

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """Adam's step (Kingma & Ba 2015, algorithm 1)."""
        mean = self.beta1 * kept["exp_avg"] + (1 - self.beta1) * gradient
        square = self.beta2 * kept["exp_avg_sq"] + (1 - self.beta2) * gradient.square()
        size = rate / (1 - self.beta1**step)
        # A weight whose gradient was always 0 stays: without this its derivative would be 0 times infinity.
        known = square > 0
        root = torch.where(known, square / (1 - self.beta2**step), 1.0).sqrt() * known
        return weight - size * mean / (root + self.eps), {"exp_avg": mean, "exp_avg_sq": square}


class AdamOptimizer(_Adaptive):
    """Adam (Kingma & Ba 2015). GANs are mostly trained with beta1 of .5 (Radford et al. 2016) or 0."""

    name: Literal["adam"] = "adam"

    def build(self, parameters: Sequence[nn.Parameter], rate: float | Tensor) -> LeanAdam:
        """Torch's fused Adam."""
        return LeanAdam(
            parameters,
            lr=rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            fused=True,
            capturable=isinstance(rate, Tensor),
        )


class AdamWOptimizer(_Adaptive):
    """AdamW (Loshchilov & Hutter 2019): each step first multiplies the weights by 1 − lr·weight_decay.

    Since the decay is multiplied by the learning rate, a constant ``weight_decay`` already decays in phase with it.
    """

    name: Literal["adamw"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, description="decay of all weights and biases, multiplied by the rate")

    def build(self, parameters: Sequence[nn.Parameter], rate: float | Tensor) -> LeanAdam:
        """Torch's fused AdamW."""
        return LeanAdam(
            parameters,
            lr=rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
            fused=True,
            capturable=isinstance(rate, Tensor),
        )

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """The decay, then Adam's."""
        return super().update(weight * (1 - rate * self.weight_decay), gradient, kept, rate, step)

"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from gan.optimizers.part import Moved, OptimizerPart, adam_step, adaptive
from lab.training.adam import LeanAdam
from lab.training.restoring import ADAM


class AdamOptimizer(OptimizerPart):
    """Adam (Kingma & Ba 2015). GANs are mostly trained with beta1 of .5 (Radford et al. 2016) or 0."""

    moments: ClassVar[Sequence[str]] = ADAM
    capturable: ClassVar[bool] = True

    name: Literal["adam"] = "adam"
    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")

    @property
    def inertia(self) -> float:
        """beta1."""
        return self.beta1

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

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """1/(√v̂ + ε)."""
        return adaptive(parameter, kept, self.beta2, self.eps)

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """Adam's."""
        return adam_step(weight, gradient, kept, rate, step, (self.beta1, self.beta2), self.eps)


class AdamWOptimizer(OptimizerPart):
    """AdamW (Loshchilov & Hutter 2019): each step first multiplies the weights by 1 − lr·weight_decay.

    Since the decay is multiplied by the learning rate, a constant ``weight_decay`` already decays in phase with it.
    """

    moments: ClassVar[Sequence[str]] = ADAM
    capturable: ClassVar[bool] = True

    name: Literal["adamw"] = "adamw"
    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")
    weight_decay: float = Field(0.01, ge=0, description="decay of all weights and biases, multiplied by the rate")

    @property
    def inertia(self) -> float:
        """beta1."""
        return self.beta1

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

    def size(self, parameter: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
        """1/(√v̂ + ε)."""
        return adaptive(parameter, kept, self.beta2, self.eps)

    def update(self, weight: Tensor, gradient: Tensor, kept: Mapping[str, Tensor], rate: float, step: int) -> Moved:
        """The decay, then Adam's."""
        decayed = weight * (1 - rate * self.weight_decay)
        return adam_step(decayed, gradient, kept, rate, step, (self.beta1, self.beta2), self.eps)

"""Schedule-free SGD and AdamW (Defazio et al. 2024, arXiv 2405.15682), behind the extra ``schedulefree``.

The method trains y, keeps z, and is to be used with x, the weighted mean of all z, where y = (1 − β)·z + β·x. What is
scored as the network is x. Techniques that keep weights (snapshots, averages) and checkpoints that others begin with
have y.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from lab.errors import UserError
from lab.supervised.optimizers.part import OptimizerPart
from lab.techniques.technique import Predictor
from lab.techniques.update_bn import reestimating


class ScheduleFreeOptimizer(OptimizerPart):
    """What both have in common: the weights to be used, and how far the mean of them has come."""

    points: ClassVar[Sequence[str]] = ("z",)
    counters: ClassVar[Sequence[str]] = ("k", "weight_sum", "lr_max")

    r: float = Field(0.0, ge=0, le=100, description="step k weighs k to this power in the mean")
    weight_lr_power: float = Field(2.0, ge=0, le=100, description="and the largest learning rate so far to this power")
    update_bn: int = Field(100, ge=1, le=10_000, description="batches on which BatchNorm is estimated for the mean")

    @model_validator(mode="after")
    def _installed(self) -> ScheduleFreeOptimizer:
        if find_spec("schedulefree") is None:
            raise UserError(
                f"optimizer {self.name!r} needs the extra schedulefree; accepted: pip install 'phase-lab[schedulefree]'"
            )
        return self

    @torch.no_grad()
    def shrink(self, optimizer: Optimizer, group: Mapping[str, Any], weights: Sequence[Tensor], share: float) -> None:
        """z ← z − share·y, as in the paper: y follows by 1 − β of it, and the mean as z enters it."""
        for y in weights:
            if (z := optimizer.state.get(y, {}).get("z")) is None:  # before the first step all three are one
                y.mul_(1 - share)
            else:
                z.sub_(y, alpha=share)
                y.mul_(1 - share * (1 - _beta(group)))

    def predictor(
        self, network: nn.Module, optimizer: Optimizer, batches: Callable[[int], Sequence[Tensor]]
    ) -> Predictor:
        """The network with the mean of its weights, BatchNorm estimated anew."""
        return reestimating(averaged(network, optimizer), lambda: batches(self.update_bn))

    def _built(self, method: str, parameters: ParamsT, **settings: Any) -> Optimizer:
        made = getattr(import_module("schedulefree"), method)(
            parameters, lr=0.0, r=self.r, weight_lr_power=self.weight_lr_power, **settings
        )
        made.train()
        made.state.clear()  # the package leaves an empty memory of each parameter there
        made.register_step_pre_hook(_from_the_start)
        optimizer: Optimizer = made
        return optimizer


def _from_the_start(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
    """One that remembers nothing, at first or because it was told to forget, counts its steps from 0."""
    if not optimizer.state:
        for group in optimizer.param_groups:
            group.update(k=0, weight_sum=0.0, lr_max=-1.0)


@torch.no_grad()
def averaged(network: nn.Module, optimizer: Optimizer) -> nn.Module:
    """A copy with the weights x = y + (1 − 1/β)·(z − y), as the method's own ``eval()`` sets them in place."""
    copied = copy.deepcopy(network).requires_grad_(False).eval()
    mean = dict(zip(network.parameters(), copied.parameters(), strict=True))
    for group in optimizer.param_groups:
        beta = _beta(group)
        for parameter in group["params"]:
            if "z" in optimizer.state.get(parameter, {}):
                mean[parameter].lerp_(optimizer.state[parameter]["z"], 1 - 1 / beta)
    return copied


def _beta(group: Mapping[str, Any]) -> float:
    return float(group["momentum"] if "momentum" in group else group["betas"][0])


class ScheduleFreeSgd(ScheduleFreeOptimizer):
    """SGD; ``momentum`` is the method's β."""

    moments: ClassVar[Sequence[str]] = ("z",)

    name: Literal["schedulefree_sgd"] = "schedulefree_sgd"
    momentum: float = Field(0.9, gt=0, lt=1, description="how far what is trained stands from z towards the mean")

    def build(self, parameters: ParamsT) -> Optimizer:
        """That of the package, without a warm-up of its own: the learning rate is a voice."""
        return self._built("SGDScheduleFree", parameters, momentum=self.momentum)


class ScheduleFreeAdamW(ScheduleFreeOptimizer):
    """AdamW without its momentum, in the place of which ``beta1`` is the method's β."""

    moments: ClassVar[Sequence[str]] = ("z", "exp_avg_sq")

    name: Literal["schedulefree_adamw"] = "schedulefree_adamw"
    beta1: float = Field(0.9, gt=0, lt=1, description="how far what is trained stands from z towards the mean")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")

    def build(self, parameters: ParamsT) -> Optimizer:
        """That of the package, without a warm-up of its own: the learning rate is a voice."""
        return self._built("AdamWScheduleFree", parameters, betas=(self.beta1, self.beta2), eps=self.eps)

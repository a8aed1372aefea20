"""The gradient penalty of WGAN-GP: the discriminator's slope between real and generated samples."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from gan.penalties.gradients import slope
from gan.penalties.part import Judged, PenaltyPart


class GradientPenalty(PenaltyPart):
    """λ·E(‖∇D(x̂)‖ − 1)² at x̂ = εx + (1 − ε)G(z), ε ~ U(0, 1) (Gulrajani et al. 2017, eq. 3); the weight is λ."""

    draws: ClassVar[bool] = True

    penalty: Literal["gp"] = "gp"

    def values(self, judged: Judged) -> Tensor:
        """(‖∇D(x̂)‖ − 1)², for the price of another pass."""
        real = judged.real.detach()
        shape = (len(real) // judged.packing, *[1] * (real.ndim - 1))
        share = torch.rand(shape, generator=judged.random, device=real.device).to(real)
        share = share.repeat_interleave(judged.packing, dim=0)  # what is seen as one lies on one line
        between = torch.lerp(judged.fake, real, share)
        if between.is_leaf or not between.requires_grad:  # generated samples stand still in a step
            between = between.detach().requires_grad_()
        return (slope(judged.judge(between), between) - 1).square()

"""The adversarial method alone: one generator update with its discriminator updates, on one screen.

Nothing here waits for the device: every statistic stays a tensor, and the caller decides when to look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam

from gan.losses import LossPart
from gan.penalties import squared_gradient

Plan = tuple[tuple[str, ...], ...]
"""Rounds of a step; the players of one round move at once, each from the others' parameters before the round."""


def plan(updates: str, discriminator_steps: int) -> Plan:
    """The rounds of one step: all discriminator updates, the generator's after them or together with the last."""
    alone = (("discriminator",),)
    if updates == "simultaneous":
        return alone * (discriminator_steps - 1) + (("discriminator", "generator"),)
    return alone * discriminator_steps + (("generator",),)


SHARED = 2**14
"""Up to so many numbers real and generated samples share a pass, which costs less; more of them fit no cache."""


@dataclass(frozen=True)
class Player:
    """A network, its parameters in a fixed order, and its optimiser."""

    network: nn.Module
    optimizer: Adam
    parameters: tuple[nn.Parameter, ...]


class Statistics(NamedTuple):
    """Scalars of the last round of each player, on the device; the order of the metrics log's columns."""

    loss_generator: Tensor
    loss_discriminator: Tensor
    output_real: Tensor
    output_fake: Tensor
    gradient_generator: Tensor
    gradient_discriminator: Tensor
    penalty_r1: Tensor


@dataclass(frozen=True)
class Game:
    """Two players, their losses, the plan of a step, and where samples come from.

    Attributes:
        real: ``real(n)`` is the next n real samples, float32[n, …].
        noise: ``noise(n)`` is n latent points, float32[n, latent].
    """

    generator: Player
    discriminator: Player
    loss: LossPart
    plan: Plan
    batch_size: int
    real: Callable[[int], Tensor]
    noise: Callable[[int], Tensor]

    def step(self, r1_weight: float = 0.0) -> Statistics:
        """Play every round of the plan; ``r1_weight`` is γ of the penalty (γ/2)·E‖∇D‖² (0: not computed).

        Each update of the discriminator meets new samples; the generator answers for the last of them.
        """
        seen: dict[str, Tensor] = {}
        for players, following in zip(self.plan, (*self.plan[1:], ()), strict=True):
            if "discriminator" in players:
                with torch.set_grad_enabled("generator" in players + following):
                    fake = self.generator.network(self.noise(self.batch_size))
                seen |= self._lean_discriminator(fake.detach(), r1_weight)
            if "generator" in players:
                seen |= self._lean_generator(fake)
            for player in players:
                mover: Player = getattr(self, player)
                mover.optimizer.step()
        return Statistics(**seen)

    def _lean_discriminator(self, fake: Tensor, r1_weight: float) -> dict[str, Tensor]:
        """Leave the discriminator's gradient in ``.grad``."""
        real, judge = self.real(self.batch_size).requires_grad_(r1_weight > 0), self.discriminator.network
        small = real.numel() <= SHARED
        real_out, fake_out = judge(torch.cat((real, fake))).chunk(2) if small else (judge(real), judge(fake))
        loss = self.loss.discriminator(real_out, fake_out)
        penalty = squared_gradient(real_out, real) if r1_weight > 0 else torch.zeros_like(loss)
        objective = loss + (0.5 * r1_weight) * penalty if r1_weight > 0 else loss
        norm = lean(objective, self.discriminator.parameters)
        return {
            "loss_discriminator": loss.detach(),
            "output_real": real_out.detach().mean(),
            "output_fake": fake_out.detach().mean(),
            "gradient_discriminator": norm,
            "penalty_r1": penalty.detach(),
        }

    def _lean_generator(self, fake: Tensor) -> dict[str, Tensor]:
        """Leave the generator's gradient in ``.grad``, by way of ``fake``, which still knows how it was made."""
        loss = self.loss.generator(self.discriminator.network(fake))
        return {"loss_generator": loss.detach(), "gradient_generator": lean(loss, self.generator.parameters)}


def lean(objective: Tensor, parameters: tuple[nn.Parameter, ...]) -> Tensor:
    """Set ``.grad`` of these parameters (and of no other) to the objective's gradient; return its global norm."""
    gradients = torch.autograd.grad(objective, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        # As ``backward`` would leave it: the fused kernels of optimisers go by the order in memory, not by strides.
        same = gradient.stride() == parameter.stride()
        parameter.grad = gradient if same else torch.empty_like(parameter).copy_(gradient)
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm

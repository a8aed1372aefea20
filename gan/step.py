"""The adversarial method alone: one generator update with its discriminator updates, on one screen.

Nothing here waits for the device: every statistic stays a tensor, and the caller decides when to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from gan.losses import LossPart
from gan.penalties import Judged, PenaltyPart
from gan.precision import Passes, at_least_float
from lab.techniques.value import Value, on

Plan = tuple[tuple[str, ...], ...]
"""Rounds of a step; the players of one round move at once, each from the others' parameters before the round."""


def plan(updates: str, discriminator_steps: int, generator_steps: int = 1) -> Plan:
    """The rounds of one step.

    "alternating": all discriminator updates, then the generator's; "simultaneous": the generator's one together with
    the last of them; "extragradient": both at once to a trial point, and both at once from where they were.
    """
    alone, both = ("discriminator",), ("discriminator", "generator")
    if updates == "extragradient":
        return (both, both)
    if updates == "simultaneous":
        return (alone,) * (discriminator_steps - 1) + (both,)
    return (alone,) * discriminator_steps + (("generator",),) * generator_steps


def rounds(plan: Plan) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Who moved before, who moves, and who moves after: of each round of a plan."""
    return zip(((), *plan[:-1]), plan, (*plan[1:], ()), strict=True)


SHARED = {"float32": 2**14, "bfloat16": 2**16}
"""Up to so many numbers real and generated samples share a pass, which costs less; more of them fit no cache."""

STATISTICS = (
    "loss/generator",
    "loss/discriminator",
    "output/real",
    "output/fake",
    "accuracy/discriminator",
    "gradient/generator",
    "gradient/discriminator",
)
"""What is measured of each player's last round, by its column in the metrics log; the penalties follow.

``accuracy/discriminator`` is the share of pairs of a real and a generated sample in which the real one has the higher
output: ½ where the discriminator cannot tell, whatever the loss.
"""


class Moves(Protocol):
    """What moves a player by its gradients."""

    def step(self) -> object:
        """Move once."""


@dataclass(frozen=True)
class Player:
    """A network, its parameters that move in a fixed order, and its optimiser."""

    network: nn.Module
    optimizer: Moves
    parameters: tuple[nn.Parameter, ...]


def moving(network: nn.Module) -> tuple[nn.Parameter, ...]:
    """The parameters that are trained: all that nobody has frozen (``requires_grad_(False)``)."""
    return tuple(parameter for parameter in network.parameters() if parameter.requires_grad)


@dataclass(frozen=True)
class Game:
    """Two players, their losses, the plan of a step, and where samples come from.

    Attributes:
        penalties: by the name that the step's weights have.
        real: ``real(n)`` is the next n real samples, float32[n, …], and their labels, which the generated samples of
            the same update take over: one-hot rows float32[n, classes], or None, and neither player is told a class.
        noise: ``noise(n)`` is n latent points, float32[n, latent].
        view: what the discriminator sees of samples float[n, …]: augmented, noisy, packed.
        random: for penalties that draw, on the device.
        passes: the arithmetic of both players' passes, whose results are float32 whatever it is; what penalties
            differentiate is of a plain pass.
        shared: up to so many numbers real and generated samples share a pass (:data:`SHARED`); never where the
            discriminator normalises over a batch.
    """

    generator: Player
    discriminator: Player
    loss: LossPart
    plan: Plan
    batch_size: int
    real: Callable[[int], tuple[Tensor, Tensor | None]]
    noise: Callable[[int], Tensor]
    penalties: Mapping[str, PenaltyPart]
    view: Callable[[Tensor], Tensor]
    random: torch.Generator
    passes: Passes = nullcontext
    shared: int = SHARED["float32"]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what a step measures, in order."""
        return (*STATISTICS, *(f"penalty/{name}" for name in self.penalties))

    def step(self, weights: Mapping[str, Value]) -> Tensor:
        """Play every round of the plan; return what it measured, float32[len(columns)].

        Each update of the discriminator meets new samples; the generator answers for the last of them. Where it
        moves more than once, it does so each time for what it then makes of the same latent points.

        Args:
            weights: of the penalties, by name; one of weight 0 is not computed, and measured as 0. A tensor is above 0.
        """
        seen: dict[str, Tensor] = {}
        for before, players, following in rounds(self.plan):
            if "discriminator" in players:
                real, labels = self.real(self.batch_size)
                points = self.noise(self.batch_size)
            if "discriminator" in players or "generator" in before:
                with torch.set_grad_enabled("generator" in players + following), self.passes():
                    fake = self.generator.network(points if labels is None else torch.cat((points, labels), dim=1))
                    fake = at_least_float(fake)
            if "discriminator" in players:
                seen |= self._lean_discriminator(real, fake.detach(), labels, weights)
            if "generator" in players:
                seen |= self._lean_generator(real, fake, labels)
            for player in players:
                mover: Player = getattr(self, player)
                mover.optimizer.step()
                # Of the gradient that was used: as the optimiser steps, workers make theirs one.
                seen[f"gradient/{player}"] = norm(mover.parameters)
        return torch.stack([seen[name] for name in self.columns])

    def judge(self, samples: Tensor, labels: Tensor | None = None, plain: bool = False) -> Tensor:
        """The discriminator's outputs float32[n] for what it sees of samples, which it is told the labels of.

        Args:
            plain: whether the pass is outside of :attr:`passes`.
        """
        told, seen = () if labels is None else (labels,), self.view(samples)
        with nullcontext() if plain else self.passes():
            outputs: Tensor = self.discriminator.network(seen, *told)
        return at_least_float(outputs)

    def objectives(
        self, real: Tensor, points: Tensor, labels: Tensor | None, weights: Mapping[str, Value]
    ) -> tuple[Tensor, Tensor]:
        """What the generator and the discriminator each minimise, on given samples, as functions of both networks.

        A step differentiates the discriminator's for generated samples that stand still; here both players move both.

        Args:
            real, labels: as :attr:`real` gives them.
            points: latent points, float32[n, latent].
            weights: of the penalties, by name.
        """
        fake = at_least_float(self.generator.network(points if labels is None else torch.cat((points, labels), dim=1)))
        objective, _, real_out, fake_out, _ = self._judged(real, fake, labels, weights)
        return self._answer(fake_out, real_out), objective

    def _judged(
        self, real: Tensor, fake: Tensor, labels: Tensor | None, weights: Mapping[str, Value]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """The discriminator's objective, its loss, its outputs for real and generated samples, and the penalties."""
        due = {name: part for name, part in self.penalties.items() if on(weights[name])}
        plain = any(part.on_real or part.on_fake for part in due.values())
        real.requires_grad_(any(part.on_real for part in due.values()))
        if fake.is_leaf:
            fake.requires_grad_(any(part.on_fake for part in due.values()))
        if real.numel() <= self.shared:
            twice = None if labels is None else torch.cat((labels, labels))
            real_out, fake_out = self.judge(torch.cat((real, fake)), twice, plain).chunk(2)
        else:
            real_out, fake_out = (self.judge(samples, labels, plain) for samples in (real, fake))
        loss = self.loss.discriminator(real_out, fake_out)
        again, packing = partial(self.judge, labels=labels, plain=True), len(real) // len(real_out)
        judged = Judged(again, real, fake, real_out, fake_out, self.random, packing)
        values = {name: part.values(judged).mean() for name, part in due.items()}
        objective = loss
        for name, value in values.items():
            objective = objective + (weights[name] * due[name].factor) * value
        return objective, loss, real_out, fake_out, values

    def _lean_discriminator(
        self, real: Tensor, fake: Tensor, labels: Tensor | None, weights: Mapping[str, Value]
    ) -> dict[str, Tensor]:
        """Leave the discriminator's gradient in ``.grad``."""
        objective, loss, real_out, fake_out, values = self._judged(real, fake, labels, weights)
        lean(objective, self.discriminator.parameters)
        real_out, fake_out, zero = real_out.detach(), fake_out.detach(), torch.zeros_like(loss)
        return {
            "loss/discriminator": loss.detach(),
            "output/real": real_out.mean(),
            "output/fake": fake_out.mean(),
            "accuracy/discriminator": torch.heaviside(real_out - fake_out, zero + 0.5).mean(),
            **{f"penalty/{name}": values[name].detach() if name in values else zero for name in self.penalties},
        }

    def _lean_generator(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """Leave the generator's gradient in ``.grad``, by way of ``fake``, which still knows how it was made."""
        real_out = None
        if self.loss.relative:
            with torch.no_grad():
                real_out = self.judge(real, labels)
        loss = self._answer(self.judge(fake, labels), real_out)
        lean(loss, self.generator.parameters)
        return {"loss/generator": loss.detach()}

    def _answer(self, fake_out: Tensor, real_out: Tensor | None) -> Tensor:
        """The generator's loss."""
        if self.loss.relative:
            assert real_out is not None
            return self.loss.generator_against(fake_out, real_out)
        return self.loss.generator(fake_out)


def lean(objective: Tensor, parameters: tuple[nn.Parameter, ...]) -> None:
    """Set ``.grad`` of these parameters (and of no other) to the objective's gradient."""
    gradients = torch.autograd.grad(objective, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        # As ``backward`` would leave it: the fused kernels of optimisers go by the order in memory, not by strides.
        same = gradient.stride() == parameter.stride()
        parameter.grad = gradient if same else torch.empty_like(parameter).copy_(gradient)


def norm(parameters: tuple[nn.Parameter, ...]) -> Tensor:
    """The global norm of their gradients."""
    found = [parameter.grad for parameter in parameters if parameter.grad is not None]
    total: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(found)))
    return total

"""Many runs of small networks in one batched program: their layers are multiplied together, all else stays their own.

Every member is an ordinary trainer with its own random streams, voices, optimisers, average and logs. Its weights
become slices of stacked tensors, so that it can be scored, saved and looked at as if it were alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan.config import GanConfig
from gan.penalties import Judged
from gan.step import Player, rounds
from gan.trainer import GanTrainer

PLAIN = (nn.Flatten, nn.Unflatten)
"""Layers that only change the shape: members' samples are rows here."""


def stack_key(config: GanConfig) -> str | None:
    """Runs of equal keys can be stacked; None for a run that cannot.

    They may differ in their seed and their voices. Stacked are fully connected networks on points without anything that
    each step draws for the discriminator (augmentation, the gradient penalty), without Lookahead, without techniques,
    without labels, in float32, not to be captured, and without parts of another package, which see one run alone.
    """
    penalties = config.weighed_penalties()
    players = (config.generator, config.discriminator)
    fits = all(part.network == "mlp" for part in players) and len(config.data.shape) == 1
    if not fits or config.lookahead or any(part.draws for part in penalties.values()) or "noise.std" in config.voices:
        return None
    if (
        config.own_modules()
        or config.capture == "on"
        or config.techniques.each()
        or config.precision != "float32"
        or config.conditional
        or config.packing > 1
        or getattr(config.discriminator, "spectral", False)
    ):
        return None
    return config.model_dump_json(exclude={"seed", "voices"}) + ",".join(penalties)


class StackedNetwork:
    """Fully connected networks of one shape, member by member: [members, n, inputs] → [members, n, outputs].

    Attributes:
        parameters: float[members, …] in the order of a member's own parameters, which become slices of them.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        own = [list(network.parameters()) for network in networks]
        self.parameters = [torch.stack([p.detach() for p in same]).requires_grad_() for same in zip(*own, strict=True)]
        for place, parameters in enumerate(own):
            for stacked, parameter in zip(self.parameters, parameters, strict=True):
                parameter.data = stacked.detach()[place]
        self._layers = [layer for layer in networks[0].modules() if not isinstance(layer, nn.Sequential)]

    def __call__(self, samples: Tensor) -> Tensor:
        """All members at once."""
        left = iter(self.parameters)
        for layer in self._layers:
            if isinstance(layer, nn.Linear):
                weight, bias = next(left), next(left)
                samples = torch.baddbmm(bias[:, None], samples, weight.transpose(1, 2))
            elif not isinstance(layer, PLAIN):
                samples = layer(samples)
        return samples


class Stack:
    """Trainers of equal :func:`stack_key` at one step, which advance together.

    They end where each would have ended alone, within float32's rounding (tested).
    """

    def __init__(self, members: Sequence[GanTrainer]) -> None:
        self.members = list(members)
        self.game = members[0].game
        self.generator = StackedNetwork([member.generator for member in members])
        self.discriminator = StackedNetwork([member.discriminator for member in members])
        for member in members:
            member.average.follow(member.generator)

    def advance(self, until: int) -> None:
        """Train every member until its step is ``until``."""
        while self.members[0].step < until:
            weights = [member.begin_step() for member in self.members]
            statistics = self._step(weights)
            for member, measured, own in zip(self.members, statistics, weights, strict=True):
                member.end_step(measured, own)

    def _step(self, weights: Sequence[Mapping[str, float]]) -> Tensor:
        """As :meth:`gan.step.Game.step`; float32[members, columns]."""
        seen: dict[str, Tensor] = {}
        size = self.game.batch_size
        for before, players, following in rounds(self.game.plan):
            if "discriminator" in players:
                real = torch.stack([member.game.real(size)[0] for member in self.members])
                noise = torch.stack([member.game.noise(size) for member in self.members])
            if "discriminator" in players or "generator" in before:
                with torch.set_grad_enabled("generator" in players + following):
                    fake = self.generator(noise)
            if "discriminator" in players:
                seen |= self._lean_discriminator(real, fake.detach(), weights)
            if "generator" in players:
                seen |= self._lean_generator(real, fake)
            for player in players:
                for member in self.members:
                    own: Player = getattr(member.game, player)
                    own.optimizer.step()
        return torch.stack([seen[name] for name in self.game.columns], dim=1)

    def _judge(self, samples: Tensor) -> Tensor:
        return self.discriminator(samples)[..., 0]

    def _lean_discriminator(
        self, real: Tensor, fake: Tensor, weights: Sequence[Mapping[str, float]]
    ) -> dict[str, Tensor]:
        game, count = self.game, len(self.members)
        due = {n: part for n, part in game.penalties.items() if any(own[n] > 0 for own in weights)}
        real = real.flatten(0, 1).requires_grad_(any(part.on_real for part in due.values()))
        fake = fake.flatten(0, 1).requires_grad_(any(part.on_fake for part in due.values()))
        both = torch.cat((real.view(count, -1, real.shape[1]), fake.view(count, -1, fake.shape[1])), dim=1)
        real_out, fake_out = self._judge(both).chunk(2, dim=1)
        loss = torch.vmap(game.loss.discriminator)(real_out, fake_out)
        judged = Judged(_no_pass, real, fake, real_out.flatten(), fake_out.flatten(), game.random)
        objective, values = loss.sum(), {}
        for name, part in due.items():
            weight = loss.new_tensor([own[name] for own in weights])
            value = part.values(judged).view(count, -1).mean(dim=1)
            objective = objective + ((weight * part.factor) * value).sum()
            values[f"penalty/{name}"] = torch.where(weight > 0, value.detach(), 0.0)
        norm = self._lean(objective, self.discriminator, "discriminator")
        real_out, fake_out, zero = real_out.detach(), fake_out.detach(), torch.zeros_like(norm)
        return {
            **{f"penalty/{name}": zero for name in game.penalties},
            **values,
            "loss/discriminator": loss.detach(),
            "output/real": real_out.mean(dim=1),
            "output/fake": fake_out.mean(dim=1),
            "accuracy/discriminator": torch.heaviside(real_out - fake_out, zero[0] + 0.5).mean(dim=1),
            "gradient/discriminator": norm,
        }

    def _lean_generator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        loss = self.game.loss
        if loss.relative:
            with torch.no_grad():
                real_out = self._judge(real)
            losses = torch.vmap(loss.generator_against)(self._judge(fake), real_out)
        else:
            losses = torch.vmap(loss.generator)(self._judge(fake))
        norm = self._lean(losses.sum(), self.generator, "generator")
        return {"loss/generator": losses.detach(), "gradient/generator": norm}

    def _lean(self, objective: Tensor, network: StackedNetwork, player: str) -> Tensor:
        """Leave each member's gradient in ``.grad`` of its own parameters; return the norms, float[members]."""
        gradients = [gradient.contiguous() for gradient in torch.autograd.grad(objective, network.parameters)]
        for place, member in enumerate(self.members):
            own: Player = getattr(member.game, player)
            for parameter, gradient in zip(own.parameters, gradients, strict=True):
                parameter.grad = gradient[place]
        squares = [gradient.flatten(1).square().sum(dim=1) for gradient in gradients]
        return torch.stack(squares).sum(dim=0).sqrt()


def stack(members: Sequence[GanTrainer]) -> Stack:
    """As :class:`lab.training.trainer.Stacks` asks for it."""
    return Stack(members)


def _no_pass(samples: Tensor) -> Any:
    raise NotImplementedError("a penalty that takes a pass of its own cannot be stacked")

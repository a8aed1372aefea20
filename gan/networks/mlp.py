"""Fully connected players: for any data, meant for points in the plane."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from gan.networks.conditional import Joined
from gan.networks.part import Shape, empty
from gan.networks.spectral import SpectralPart

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
    "tanh": nn.Tanh,
}


class MlpNetwork(SpectralPart):
    """Fully connected layers with an activation between them."""

    conditional: ClassVar[bool] = True

    network: Literal["mlp"] = "mlp"
    width: int = Field(128, ge=1, le=16_384, description="units of a hidden layer")
    depth: int = Field(2, ge=1, le=64, description="hidden layers")
    activation: Literal["relu", "leaky_relu", "tanh"] = Field("relu", description="after each hidden layer")

    def generator(self, latent: int, shape: Shape, classes: int = 0) -> nn.Module:
        """Points without bound for data in the plane, tanh for images (shape of three axes); labels are inputs."""
        stack = self._layers(latent + classes, math.prod(shape))
        if len(shape) > 1:
            stack += [nn.Tanh(), nn.Unflatten(1, shape)]
        return nn.Sequential(*stack)

    def discriminator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """One logit a sample; labels are inputs."""
        if classes:
            return Joined(nn.Sequential(*self._layers(math.prod(shape) + classes, 1), nn.Flatten(0)))
        flatten: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
        return nn.Sequential(*flatten, *self._layers(math.prod(shape), 1), nn.Flatten(0))

    @torch.no_grad()
    def initialised(self, build: Callable[[], nn.Module], random: torch.Generator) -> nn.Module:
        """Torch's default for linear layers, U(−1/√fan_in, 1/√fan_in)."""
        network = empty(build)
        for module in network.modules():
            if isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                nn.init.uniform_(module.weight, -bound, bound, generator=random)
                nn.init.uniform_(module.bias, -bound, bound, generator=random)
        return network

    def _layers(self, inputs: int, outputs: int) -> list[nn.Module]:
        stack: list[nn.Module] = []
        for _ in range(self.depth):
            stack += [nn.Linear(inputs, self.width), ACTIVATIONS[self.activation]()]
            inputs = self.width
        return [*stack, nn.Linear(inputs, outputs)]

"""Players whose hidden units are sines, initialised as torch does it."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from gan.networks import NetworkPart


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


class SineNetwork(NetworkPart):
    """One hidden layer of sines."""

    width: int = Field(16, ge=1, description="hidden units")

    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(latent, self.width), Sine(), nn.Linear(self.width, math.prod(shape)))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(math.prod(shape), self.width), Sine(), nn.Linear(self.width, 1), nn.Flatten(0))

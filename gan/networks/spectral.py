"""Spectral normalisation of a discriminator (Miyato et al. 2018): every weight divided by its largest singular value.

The singular vectors are buffers, so that checkpoints hold them; a pass in training mode improves them by one power
iteration, a pass in evaluation mode leaves them alone. What the optimiser moves is the weight before the division.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization

from gan.networks.part import NetworkPart

WARM = 15
"""Power iterations before training, as many as torch does."""


class SpectralPart(NetworkPart):
    """Networks whose discriminator can be normalised; its weights may not be zero."""

    spectral: bool = Field(
        False,
        description="divide the discriminator's weights by their largest singular value (no effect on generators)",
    )

    def constrained(self, discriminator: nn.Module, random: torch.Generator) -> nn.Module:
        """Normalise every linear layer and convolution, where the setting says so."""
        return normalised(discriminator, random) if self.spectral else discriminator


class Norm(_SpectralNorm):
    """Torch's own, in float32 whatever the pass is in: by rounded products the singular vectors would not settle."""

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its largest singular value."""
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


@torch.no_grad()
def normalised(network: nn.Module, random: torch.Generator) -> nn.Module:
    """The network, on the CPU and in training mode, with its linear layers and convolutions normalised in place.

    A convolution's weight is taken as the matrix [out_channels, in_channels·height·width], as in the paper (§2.1). The
    singular vectors are drawn from ``random`` alone, and warmed up.
    """
    for layer in [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]:
        with torch.random.fork_rng(devices=[]):  # torch draws vectors of its own from its global generator
            register_parametrization(layer, "weight", Norm(layer.weight))
        for vector in layer.parametrizations.weight.buffers():  # type: ignore[union-attr]
            nn.init.normal_(vector, generator=random)
        for _ in range(WARM):
            _ = layer.weight  # each look is one power iteration, as in a pass
    return network

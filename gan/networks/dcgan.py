"""Convolutional players after DCGAN (Radford et al. 2016), for square images of 8, 16, 28, 32, 64 … pixels.

The generator normalises by batch. The discriminator does not: its output for one sample then depends on that sample
alone, so that real and generated samples can share a pass and a gradient penalty is well defined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from gan.networks.conditional import ClassSequential, Labelled, Projection, batch_norm, reset_norms
from gan.networks.layers import SMALL, ConvFromImage, ConvToImage, Flatten, Unflatten
from gan.networks.part import Shape, empty
from gan.networks.sizes import image_base, require_square
from gan.networks.spectral import SpectralPart

SLOPE = 0.2
"""Slope of the leaky rectifier for negative inputs, as in the paper."""
STD = 0.02
"""Standard deviation of the initial weights, as in the paper."""


class DcganNetwork(SpectralPart):
    """Strided convolutions between the image and a 4…7-pixel base; for square images."""

    conditional: ClassVar[bool] = True

    network: Literal["dcgan"] = "dcgan"
    width: int = Field(32, ge=1, le=1024, description="channels at the highest resolution; doubled at each halving")

    def check(self, shape: Shape) -> None:
        """Square images whose side is 4 … 7 pixels doubled at least once."""
        require_square(shape, self.network)

    def generator(self, latent: int, shape: Shape, classes: int = 0) -> nn.Module:
        """Latent float[n, latent (+ classes)] → images float[n, channels, size, size] in (−1, 1).

        ``width`` is the number of channels before the last layer; it doubles with each halving of the resolution.
        Labels reach the normalisation alone, as a scale and a shift for each class.
        """
        base, doublings = image_base(shape[-1])
        channels = self.width << (doublings - 1)
        stack: list[nn.Module] = [
            nn.Linear(latent, channels * base * base, bias=False),
            (nn.Unflatten if shape[-1] < SMALL else Unflatten)(1, (channels, base, base)),
            batch_norm(channels, classes),
            nn.ReLU(inplace=True),
        ]
        for _ in range(doublings - 1):
            stack += [
                nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False),
                batch_norm(channels // 2, classes),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        stack += [ConvToImage(channels, shape[0], 4, 2, 1), nn.Tanh()]
        return Labelled(classes, ClassSequential(stack)) if classes else nn.Sequential(*stack)

    def discriminator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """Images → logits float[n]; the mirror image of the generator, without normalisation.

        Labels are projected on the features that the last layer reads.
        """
        base, doublings = image_base(shape[-1])
        stack: list[nn.Module] = []
        inputs = shape[0]
        for doubling in range(doublings):
            outputs = self.width << doubling
            convolution = nn.Conv2d if doubling else ConvFromImage
            stack += [convolution(inputs, outputs, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
            inputs = outputs
        stack.append(nn.Flatten() if shape[-1] < SMALL else Flatten())
        width = inputs * base * base
        head = (nn.Linear(width, 1), nn.Flatten(0))
        if classes:
            return Projection(nn.Sequential(*stack), nn.Sequential(*head), width, classes)
        return nn.Sequential(*stack, *head)

    @torch.no_grad()
    def initialised(self, build: Callable[[], nn.Module], random: torch.Generator) -> nn.Module:
        """N(0, 0.02²) with zero biases; N(1, 0.02²) for the scales of BatchNorm, 1 for those of classes."""
        network = empty(build)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.affine:
                module.reset_running_stats()
                nn.init.normal_(module.weight, 1.0, STD, generator=random)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, STD, generator=random)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        reset_norms(network)
        return network

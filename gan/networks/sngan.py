"""Residual players after SNGAN (Miyato et al. 2018, appendix B, as for CIFAR-10), for square images of 8, 28, 32, 64 ….

The paper's networks for 32×32 pixels have width 256 in the generator and 128 in the discriminator; other sizes have as
many blocks as they have halvings. Where a 1×1 convolution meets a resampling the cheaper one of the two equal orders is
taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan.networks.conditional import ClassSequential, Labelled, Projection, batch_norm, reset_norms
from gan.networks.layers import ConvFromImage, ConvToImage
from gan.networks.part import Shape, empty
from gan.networks.residual import Residual
from gan.networks.sizes import image_base, require_square
from gan.networks.spectral import SpectralPart

JUDGED = 8
"""The discriminator halves the image until its side is at most this, as in the paper (32 → 8)."""
PLAIN = 2
"""Blocks of the discriminator after the halvings, as in the paper."""


class SnganNetwork(SpectralPart):
    """Residual blocks of one width: BatchNorm in the generator, spectral normalisation in the discriminator."""

    conditional: ClassVar[bool] = True

    network: Literal["sngan"] = "sngan"
    width: int = Field(16, ge=1, le=1024, description="channels of every block (in the paper 256 and 128)")
    spectral: bool = Field(
        True, description="divide the discriminator's weights by their largest singular value (no effect on generators)"
    )

    def check(self, shape: Shape) -> None:
        """Square images whose side is 4 … 7 pixels doubled at least once."""
        require_square(shape, self.network)

    def generator(self, latent: int, shape: Shape, classes: int = 0) -> nn.Module:
        """Latent float[n, latent (+ classes)] → images float[n, channels, size, size] in (−1, 1).

        Labels reach the normalisation alone, as a scale and a shift for each class.
        """
        width = self.width
        base, doublings = image_base(shape[-1])
        stack = [
            nn.Linear(latent, width * base * base),
            nn.Unflatten(1, (width, base, base)),
            *(_larger(width, classes) for _ in range(doublings)),
            batch_norm(width, classes),
            nn.ReLU(inplace=True),
            ConvToImage(width, shape[0], 3, 1, 1),
            nn.Tanh(),
        ]
        return Labelled(classes, ClassSequential(stack)) if classes else nn.Sequential(*stack)

    def discriminator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """Images → logits float[n], by the sum over all pixels of the last block's features; no BatchNorm.

        Labels are projected on those sums.
        """
        width, size = self.width, shape[-1] // 2
        stack = [_first(shape[0], width)]
        while size > JUDGED:
            stack.append(_smaller(width))
            size //= 2
        stack += [*(Residual(_rectified(width)) for _ in range(PLAIN)), nn.ReLU(inplace=True), Sum()]
        head = (nn.Linear(width, 1), nn.Flatten(0))
        if classes:
            return Projection(nn.Sequential(*stack), nn.Sequential(*head), width, classes)
        return nn.Sequential(*stack, *head)

    @torch.no_grad()
    def initialised(self, build: Callable[[], nn.Module], random: torch.Generator) -> nn.Module:
        """Uniform after Glorot & Bengio (2010), √2 times as wide in the branches of blocks, with zero biases."""
        network = empty(build)
        branches = [block.branch for block in network.modules() if isinstance(block, Residual)]
        rectified = {layer for branch in branches for layer in branch.modules()}
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d) and layer.affine:
                layer.reset_parameters()
            elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                gain = math.sqrt(2) if layer in rectified else 1.0
                nn.init.xavier_uniform_(layer.weight, gain, generator=random)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        reset_norms(network)
        return network


class Sum(nn.Module):
    """Global sum pooling: [n, channels, height, width] → [n, channels]."""

    def forward(self, input: Tensor) -> Tensor:
        """The sum over all pixels."""
        return input.sum((2, 3))


def _larger(width: int, classes: int) -> nn.Module:
    """A block of the generator, to twice the side."""
    layers = [
        batch_norm(width, classes),
        nn.ReLU(inplace=True),
        nn.Upsample(scale_factor=2),
        _conv3(width, width),
        batch_norm(width, classes),
        nn.ReLU(inplace=True),
        _conv3(width, width),
    ]
    branch = ClassSequential(layers) if classes else nn.Sequential(*layers)
    return Residual(branch, nn.Sequential(nn.Conv2d(width, width, 1), nn.Upsample(scale_factor=2)))


def _first(channels: int, width: int) -> nn.Module:
    """The discriminator's first block, from the image to half its side: without a rectifier before it."""
    branch = nn.Sequential(
        ConvFromImage(channels, width, 3, 1, 1), nn.ReLU(inplace=True), _conv3(width, width), nn.AvgPool2d(2)
    )
    return Residual(branch, nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, width, 1)))


def _smaller(width: int) -> nn.Module:
    """A block of the discriminator, to half the side."""
    shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(width, width, 1))
    return Residual(nn.Sequential(_rectified(width), nn.AvgPool2d(2)), shortcut)


def _rectified(width: int) -> nn.Sequential:
    """Two convolutions, each after a rectifier; the first leaves its input as it is, for the shortcut."""
    return nn.Sequential(nn.ReLU(), _conv3(width, width), nn.ReLU(inplace=True), _conv3(width, width))


def _conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)

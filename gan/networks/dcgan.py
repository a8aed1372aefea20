"""Convolutional players after DCGAN (Radford et al. 2016), for square images of 8, 16, 28, 32, 64 … pixels.

The generator normalises by batch. The discriminator does not: its output for one sample then depends on that sample
alone, so that real and generated samples can share a pass and a gradient penalty is well defined.
"""

from __future__ import annotations

from torch import nn

from gan.config import image_base

Shape = tuple[int, ...]
SLOPE = 0.2
"""Slope of the leaky rectifier for negative inputs, as in the paper."""


def generator(latent: int, shape: Shape, width: int) -> nn.Sequential:
    """Latent float[n, latent] → images float[n, channels, size, size] in (−1, 1).

    ``width`` is the number of channels before the last layer; it doubles with each halving of the resolution.
    """
    base, doublings = image_base(shape[-1])
    channels = width << (doublings - 1)
    stack: list[nn.Module] = [
        nn.Linear(latent, channels * base * base, bias=False),
        nn.Unflatten(1, (channels, base, base)),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
    for _ in range(doublings - 1):
        stack += [
            nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(channels // 2),
            nn.ReLU(inplace=True),
        ]
        channels //= 2
    return nn.Sequential(*stack, nn.ConvTranspose2d(channels, shape[0], 4, 2, 1), nn.Tanh())


def discriminator(shape: Shape, width: int) -> nn.Sequential:
    """Images → logits float[n]; the mirror image of the generator, without normalisation."""
    base, doublings = image_base(shape[-1])
    stack: list[nn.Module] = []
    inputs = shape[0]
    for doubling in range(doublings):
        outputs = width << doubling
        stack += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        inputs = outputs
    return nn.Sequential(*stack, nn.Flatten(), nn.Linear(inputs * base * base, 1), nn.Flatten(0))

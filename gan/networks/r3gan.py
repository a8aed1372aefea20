"""Compact residual players after R3GAN (Huang et al. 2024, arXiv 2501.05441), for square images of 8, 28, 32, 64 ….

Both players are made of the same blocks: a 1×1 convolution to twice the channels, a 3×3 convolution in groups and a 1×1
convolution back, with biased leaky rectifiers between them and no normalisation. As in the paper, bilinear resampling
joins the stages, a latent point becomes the first stage's input by scaling a learned image channel by channel, and the
discriminator ends in such an image. Other than in the paper a tanh keeps images in (−1, 1). The paper trains them with
a relativistic loss and penalties on both real and generated samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan.networks.conditional import Projection
from gan.networks.part import NetworkPart, Shape, empty
from gan.networks.residual import Residual
from gan.networks.sizes import image_base, require_square

SLOPE = 0.2
"""Slope of the leaky rectifier for negative inputs, as in the paper."""
EXPANSION = 2
"""Channels inside a block over those outside."""
GROUP = 16
"""Channels of a group of the 3×3 convolution, as the paper has for CIFAR-10."""
LAYERS = 3
"""Convolutions in a block: m of the initialisation."""


class R3ganNetwork(NetworkPart):
    """Stages of residual bottleneck blocks with grouped convolutions."""

    conditional: ClassVar[bool] = True

    network: Literal["r3gan"] = "r3gan"
    width: int = Field(16, ge=8, le=1024, multiple_of=8, description="channels of every stage (in the paper 768)")
    depth: int = Field(1, ge=1, le=64, description="residual blocks of a stage (in the paper 2)")

    def check(self, shape: Shape) -> None:
        """Square images whose side is 4 … 7 pixels doubled at least once."""
        require_square(shape, self.network)

    def generator(self, latent: int, shape: Shape, classes: int = 0) -> nn.Module:
        """Latent float[n, latent (+ classes)] → images float[n, channels, size, size] in (−1, 1); labels are inputs."""
        base, doublings = image_base(shape[-1])
        stack = [nn.Linear(latent + classes, self.width, bias=False), Scaled(self.width, base), *self._stage()]
        for _ in range(doublings):
            stack += [nn.Upsample(scale_factor=2, mode="bilinear"), *self._stage()]
        return nn.Sequential(*stack, nn.Conv2d(self.width, shape[0], 1), nn.Tanh())

    def discriminator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """Images → logits float[n]; the mirror image of the generator.

        Labels are projected on the features that the last layer reads.
        """
        base, doublings = image_base(shape[-1])
        stack: list[nn.Module] = [nn.Conv2d(shape[0], self.width, 1)]
        for _ in range(doublings):
            stack += [*self._stage(), nn.AvgPool2d(2)]  # bilinear interpolation at the middle of four pixels
        last = nn.Conv2d(self.width, self.width, base, groups=self.width, bias=False)
        stack += [*self._stage(), last, nn.Flatten()]
        head = (nn.Linear(self.width, 1, bias=False), nn.Flatten(0))
        if classes:
            return Projection(nn.Sequential(*stack), nn.Sequential(*head), self.width, classes)
        return nn.Sequential(*stack, *head)

    @torch.no_grad()
    def initialised(self, build: Callable[[], nn.Module], random: torch.Generator) -> nn.Module:
        """Fix-up (Zhang et al. 2019): He's normal numbers times L^(−1/(2m−2)), and blocks that add nothing at first.

        L is the number of blocks and m = 3 of the convolutions in one; a block's last convolution is zero. Outside of
        blocks the standard deviation is 1/√fan_in, and biases are zero everywhere; a label's embedding is what features
        are multiplied by, so that its fan_in is their number.
        """
        network = empty(build)
        blocks = [block for block in network.modules() if isinstance(block, Residual)]
        gain = nn.init.calculate_gain("leaky_relu", SLOPE) * len(blocks) ** (-1 / (2 * LAYERS - 2))
        embeddings = [module.embedding for module in network.modules() if isinstance(module, Projection)]
        within = {layer for block in blocks for layer in block.branch.modules()}
        for layer in network.modules():
            if isinstance(layer, Scaled):
                nn.init.normal_(layer.image, generator=random)
            elif isinstance(layer, nn.Linear | nn.Conv2d):
                inputs = len(layer.weight) if layer in embeddings else layer.weight[0].numel()
                std = (gain if layer in within else 1.0) / math.sqrt(inputs)
                nn.init.normal_(layer.weight, 0.0, std, generator=random)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for block in blocks:
            for weight in block.branch[-1].parameters():
                nn.init.zeros_(weight)
        return network

    def _stage(self) -> list[nn.Module]:
        return [_block(self.width) for _ in range(self.depth)]


class Scaled(nn.Module):
    """A learned image, each of its channels multiplied by a number of the input."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.image = nn.Parameter(torch.empty(channels, size, size))

    def forward(self, input: Tensor) -> Tensor:
        """From [n, channels] to [n, channels, size, size]."""
        return input[:, :, None, None] * self.image


def _block(width: int) -> Residual:
    """A rectifier's bias is that of the convolution before it; the last convolution has neither."""
    inner = EXPANSION * width
    branch = nn.Sequential(
        nn.Conv2d(width, inner, 1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(inner, inner, 3, padding=1, groups=inner // GROUP),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(inner, width, 1, bias=False),
    )
    return Residual(branch)

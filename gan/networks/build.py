"""From a configuration to a pair of networks, their weights drawn from a passed generator."""

from __future__ import annotations

import math

import torch
from torch import nn

from gan.config import DcganConfig, GanConfig
from gan.networks import dcgan, mlp

DCGAN_STD = 0.02
"""Standard deviation of a DCGAN's initial weights, as in the paper."""


def generator(config: GanConfig, random: torch.Generator) -> nn.Sequential:
    """The configured generator on the CPU; equal generators of random numbers give equal weights on any device."""
    network, shape = config.generator, config.data.shape
    with torch.device("meta"):
        if isinstance(network, DcganConfig):
            net = dcgan.generator(config.latent, shape, network.width)
        else:
            net = mlp.generator(config.latent, shape, network.width, network.depth)
    return initialised(net, random)


def discriminator(config: GanConfig, random: torch.Generator) -> nn.Sequential:
    """The configured discriminator on the CPU."""
    network, shape = config.discriminator, config.data.shape
    with torch.device("meta"):
        if isinstance(network, DcganConfig):
            net = dcgan.discriminator(shape, network.width)
        else:
            net = mlp.discriminator(shape, network.width, network.depth)
    return initialised(net, random)


@torch.no_grad()
def initialised(network: nn.Sequential, random: torch.Generator) -> nn.Sequential:
    """Give a network built on the meta device its memory and initial weights.

    Networks with convolutions take DCGAN's N(0, 0.02²) with zero biases; purely linear ones torch's default for linear
    layers, U(−1/√fan_in, 1/√fan_in), which N(0, 0.02²) would leave nearly constant.
    """
    network.to_empty(device="cpu")
    convolutional = any(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.normal_(module.weight, 1.0, DCGAN_STD, generator=random)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if convolutional:
                nn.init.normal_(module.weight, 0.0, DCGAN_STD, generator=random)
            else:
                bound = 1 / math.sqrt(module.weight.shape[1])
                nn.init.uniform_(module.weight, -bound, bound, generator=random)
            if module.bias is not None:
                if convolutional:
                    nn.init.zeros_(module.bias)
                else:
                    nn.init.uniform_(module.bias, -bound, bound, generator=random)
    return network

"""What a kind of network is to the GAN trainer: both players of it, and how their weights are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import nn

from lab.training.parts import Part

Shape = tuple[int, ...]


class NetworkPart(Part):
    """A family of networks. A subclass adds its settings as fields, and builds the players that it has."""

    conditional: ClassVar[bool] = False
    """Whether its players can be told classes: ``generator(latent, shape, classes=k)`` then takes float[n, latent + k],
    a one-hot label last, and the network of ``discriminator(shape, classes=k)`` one-hot labels float[n, k] after the
    samples. Only a conditional run passes ``classes``."""

    network: str

    def check(self, shape: Shape) -> None:
        """Refuse samples of a shape that these networks are not for.

        Raises:
            ValueError: in one line, which the configuration's field is put before.
        """

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """From latent points float[n, latent] to samples float[n, *shape]; images in [−1, 1]."""
        raise NotImplementedError

    def discriminator(self, shape: Shape) -> nn.Module:
        """From samples float[n, *shape] to logits float[n]."""
        raise NotImplementedError

    def initialised(self, build: Callable[[], nn.Module], random: torch.Generator) -> nn.Module:
        """What ``build`` makes, on the CPU, its weights drawn from ``random`` alone.

        Without a method of its own a network is initialised as its layers do it, from torch's global generator, which
        is seeded by ``random`` for the while.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=random)))
            return build()

    def constrained(self, discriminator: nn.Module, random: torch.Generator) -> nn.Module:
        """The initialised discriminator with what holds its weights in bounds; by default as it is."""
        return discriminator


def empty(build: Callable[[], nn.Module]) -> nn.Module:
    """What ``build`` makes, on the CPU, with memory for its weights and nothing in it: no random number is drawn."""
    with torch.device("meta"):
        network = build()
    return network.to_empty(device="cpu")

"""What a kind of network is to the classifier's trainer: layers from inputs to logits, and how weights are drawn."""

from __future__ import annotations

import torch
from torch import nn

from lab.training.parts import Part

Shape = tuple[int, ...]


class NetworkPart(Part):
    """A family of networks. A subclass adds its settings as fields."""

    network: str

    def check(self, shape: Shape) -> None:
        """Refuse samples of a shape that these networks are not for.

        Raises:
            ValueError: in one line, which the configuration's field is put before.
        """

    def build(self, shape: Shape, classes: int) -> nn.Module:
        """From inputs float32[n, *shape] (images in [−1, 1]) to logits float32[n, classes].

        The last layer, which reads the classes out of features, is named ``readout``.
        """
        raise NotImplementedError

    def initialised(self, shape: Shape, classes: int, random: torch.Generator) -> nn.Module:
        """The same on the CPU, its weights drawn from ``random`` alone.

        By default as its layers do it, from torch's global generator, which is seeded by ``random`` for the while.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=random)))
            return self.build(shape, classes)

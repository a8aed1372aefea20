"""What a kind of loss is to the GAN trainer: a function for each player, which both minimise."""

from __future__ import annotations

from torch import Tensor

from lab.training.parts import Part


class LossPart(Part):
    """Both players' losses. A subclass adds its settings as fields, if it has any."""

    loss: str

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """A scalar from the outputs for real and for generated samples, float[n] each."""
        raise NotImplementedError

    def generator(self, fake: Tensor) -> Tensor:
        """A scalar from the outputs for generated samples, float[n]."""
        raise NotImplementedError

"""What a kind of loss is to the GAN trainer: a function for each player, which both minimise."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from lab.training.parts import Part


class LossPart(Part):
    """Both players' losses. A subclass adds its settings as fields, if it has any."""

    relative: ClassVar[bool] = False
    """Whether the generator's loss looks at real samples too, for the price of a pass: ``generator_against``."""

    boundary: ClassVar[float | None] = 0.0
    """The discriminator's output where real and generated are as likely; None where only differences count."""

    loss: str

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """A scalar from the outputs for real and for generated samples, float[n] each."""
        raise NotImplementedError

    def generator(self, fake: Tensor) -> Tensor:
        """A scalar from the outputs for generated samples, float[n]."""
        raise NotImplementedError

    def generator_against(self, fake: Tensor, real: Tensor) -> Tensor:
        """A scalar from the outputs for generated and for real samples, float[n] each, of a loss that is relative."""
        raise NotImplementedError

    def ideal(self) -> float | None:
        """The discriminator's least loss where generated samples are like real ones; None where that has no meaning.

        Hazimeh & Ponomareva 2023 (arXiv 2302.00089, table 1); it is what a gap-aware learning rate aims at.
        """
        return None

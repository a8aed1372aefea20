"""What a kind of penalty is to the GAN trainer: a number of the discriminator that is kept small, and whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab.training.parts import Part, short_name


@dataclass(frozen=True)
class Judged:
    """A pass of the discriminator, and the means for another.

    Attributes:
        judge: from samples float[m, …] to outputs float[n], as the discriminator sees them.
        real, fake: samples, float[m, …]; those that a penalty asks for require gradients.
        real_out, fake_out: the outputs for them, float[n].
        random: draws numbers on the samples' device.
        packing: how many samples the discriminator sees as one: m = n·packing.
    """

    judge: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_out: Tensor
    fake_out: Tensor
    random: torch.Generator
    packing: int = 1


class PenaltyPart(Part):
    """A penalty on the discriminator; the voice ``<word>.weight`` conducts its weight, and leaves it out at 0."""

    on_real: ClassVar[bool] = False
    """Whether it needs the gradient of the outputs with respect to the real samples."""
    on_fake: ClassVar[bool] = False
    """Whether it needs the gradient of the outputs with respect to the generated samples."""
    draws: ClassVar[bool] = False
    """Whether it draws random numbers, or takes a pass of its own."""
    factor: ClassVar[float] = 1.0
    """What the loss gets is weight × factor × the mean of the values."""

    penalty: str

    @property
    def word(self) -> str:
        """What its voice and its column in the log are called: ``r1``, or the class of another package."""
        return short_name(self.penalty)

    def values(self, judged: Judged) -> Tensor:
        """The penalty of each output, float[n] ≥ 0, which the discriminator's parameters can be differentiated by."""
        raise NotImplementedError

"""The least-squares loss, whose gradient grows with the distance from the boundary."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from gan.losses.part import LossPart


class LeastSquares(LossPart):
    """The least-squares loss (Mao et al. 2017, eq. 9 with a = 0, b = c = 1).

    Discriminator: ½E[(D(x) − 1)²] + ½E[D(G(z))²], ¼ where it answers ½. Generator: ½E[(D(G(z)) − 1)²].
    """

    boundary: ClassVar[float | None] = 0.5

    loss: Literal["least_squares"] = "least_squares"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """½E(real − 1)² + ½E fake²."""
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def generator(self, fake: Tensor) -> Tensor:
        """½E(fake − 1)²."""
        return 0.5 * (fake - 1).square().mean()

    def ideal(self) -> float:
        """¼, at D = ½."""
        return 0.25

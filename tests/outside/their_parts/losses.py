"""Least squares (Mao et al. 2017)."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from gan.losses import LossPart


class LeastSquares(LossPart):
    """Discriminator: E[(D(x) − real)²] + E[D(G(z))²]. Generator: E[(D(G(z)) − real)²]."""

    real: float = Field(1.0, gt=0, description="what the discriminator should answer for real samples")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - self.real).square().mean() + fake.square().mean()

    def generator(self, fake: Tensor) -> Tensor:
        return (fake - self.real).square().mean()

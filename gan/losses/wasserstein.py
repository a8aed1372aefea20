"""The Wasserstein loss, a distance if the discriminator's slope is held near one."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from gan.losses.part import LossPart


class Wasserstein(LossPart):
    """The dual of the Wasserstein-1 distance (Arjovsky et al. 2017, eq. 2).

    Discriminator: E[D(G(z))] − E[D(x)], minus the distance where D is 1-Lipschitz: give it the voice `gp.weight`
    (Gulrajani et al. 2017 take 10) or spectral normalisation. Generator: −E[D(G(z))].
    """

    boundary: ClassVar[float | None] = None

    loss: Literal["wasserstein"] = "wasserstein"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E fake − E real."""
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor) -> Tensor:
        """−E fake."""
        return -fake.mean()

    def ideal(self) -> float:
        """0, where D cannot tell."""
        return 0.0

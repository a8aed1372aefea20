"""The hinge loss, which leaves alone what the discriminator is sure of."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional

from gan.losses.part import LossPart


class Hinge(LossPart):
    """The hinge loss (Lim & Ye 2017; Miyato et al. 2018): the discriminator stops caring beyond a margin of one.

    Discriminator: E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))], 2 where it answers 0. Generator: −E[D(G(z))].
    """

    loss: Literal["hinge"] = "hinge"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E relu(1 − real) + E relu(1 + fake)."""
        return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """−E fake."""
        return -fake.mean()

    def ideal(self) -> float:
        """2, at D = 0."""
        return 2.0

"""The minimax loss: a zero-sum game, whose generator learns little from a discriminator that is sure."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor
from torch.nn import functional

from gan.losses.part import LossPart


class Minimax(LossPart):
    """The loss of the original game (Goodfellow et al. 2014, eq. 1), with D = σ(output).

    Discriminator: −E[log D(x)] − E[log(1 − D(G(z)))], 2·log 2 where it answers ½. Generator: E[log(1 − D(G(z)))].
    """

    loss: Literal["minimax"] = "minimax"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−E log σ(real) − E log(1 − σ(fake))."""
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """E log(1 − σ(fake))."""
        return -functional.softplus(fake).mean()

    def ideal(self) -> float:
        """log 4, at D = ½."""
        return math.log(4)

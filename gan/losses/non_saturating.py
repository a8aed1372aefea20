"""The logistic loss in its non-saturating form, the usual beginning."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor
from torch.nn import functional

from gan.losses.part import LossPart


class NonSaturating(LossPart):
    """The logistic loss with the generator's non-saturating form (Goodfellow et al. 2014, section 3).

    Discriminator: E[softplus(−D(x))] + E[softplus(D(G(z)))], log 4 where it cannot tell. Generator:
    E[softplus(−D(G(z)))], log 2 there.
    """

    loss: Literal["non_saturating"] = "non_saturating"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−E log σ(real) − E log(1 − σ(fake))."""
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """−E log σ(fake)."""
        return functional.softplus(-fake).mean()

    def ideal(self) -> float:
        """log 4, at D = ½."""
        return math.log(4)

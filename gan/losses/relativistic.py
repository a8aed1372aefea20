"""The relativistic pairing loss, which has no minimum where one mode takes all."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional

from gan.losses.part import LossPart


class Relativistic(LossPart):
    """Relativistic pairing (RpGAN: Jolicoeur-Martineau 2018; Sun et al. 2020; Huang et al. 2024, eq. 2).

    Each real sample is compared with a generated one. Discriminator: E[softplus(D(G(z)) − D(x))], log 2 where it cannot
    tell them apart. Generator: E[softplus(D(x) − D(G(z)))]. Converges with R1 and R2 together, not with R1 alone.
    """

    relative: ClassVar[bool] = True
    boundary: ClassVar[float | None] = None

    loss: Literal["relativistic"] = "relativistic"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E softplus(fake − real)."""
        return functional.softplus(fake - real).mean()

    def generator_against(self, fake: Tensor, real: Tensor) -> Tensor:
        """E softplus(real − fake)."""
        return functional.softplus(real - fake).mean()

    def ideal(self) -> float:
        """log 2, where D cannot tell."""
        return math.log(2)

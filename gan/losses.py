"""The two players' losses as functions of the discriminator's outputs (logits, float[n])."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn import functional


class Loss(Protocol):
    """Both players minimise their own function."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """A scalar from the outputs for real and for generated samples."""

    def generator(self, fake: Tensor) -> Tensor:
        """A scalar from the outputs for generated samples."""


@dataclass(frozen=True)
class NonSaturating:
    """The logistic loss with the generator's non-saturating form (Goodfellow et al. 2014, section 3).

    Discriminator: E[softplus(−D(x))] + E[softplus(D(G(z)))], log 4 where it cannot tell. Generator:
    E[softplus(−D(G(z)))], log 2 there.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−E log σ(real) − E log(1 − σ(fake))."""
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """−E log σ(fake)."""
        return functional.softplus(-fake).mean()


@dataclass(frozen=True)
class Hinge:
    """The hinge loss (Lim & Ye 2017; Miyato et al. 2018): the discriminator stops caring beyond a margin of one.

    Discriminator: E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))], 2 where it answers 0. Generator: −E[D(G(z))].
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E relu(1 − real) + E relu(1 + fake)."""
        return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """−E fake."""
        return -fake.mean()


LOSSES: dict[str, Loss] = {"non_saturating": NonSaturating(), "hinge": Hinge()}
"""Every loss by its name in the configuration."""

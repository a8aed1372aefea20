"""The two players' losses as functions of the discriminator's outputs (logits, float[n]); one module a kind."""

from gan.losses.hinge import Hinge
from gan.losses.non_saturating import NonSaturating
from gan.losses.part import LossPart
from lab.training.parts import Parts

__all__ = ["LOSSES", "Hinge", "LossPart", "NonSaturating"]

LOSSES = Parts("loss", "loss", LossPart, (NonSaturating, Hinge))
"""Every loss by its word in a configuration."""

"""Penalties on the discriminator, one module a kind; a voice conducts the weight of each."""

from gan.penalties.gp import GradientPenalty
from gan.penalties.part import Judged, PenaltyPart
from gan.penalties.r1 import R1, R2
from lab.training.parts import Parts

__all__ = ["LISTED", "PENALTIES", "Judged", "PenaltyPart"]

PENALTIES = Parts("penalty", "penalty", PenaltyPart, (R1, R2, GradientPenalty))
"""Every penalty by its word in a configuration."""
LISTED = (R1(), R2(), GradientPenalty())
"""The penalties whose voices every configuration may give."""

"""The two players' losses as functions of the discriminator's outputs (logits, float[n]); one module a kind."""

from gan.losses.hinge import Hinge
from gan.losses.least_squares import LeastSquares
from gan.losses.minimax import Minimax
from gan.losses.non_saturating import NonSaturating
from gan.losses.part import LossPart
from gan.losses.relativistic import Relativistic
from gan.losses.wasserstein import Wasserstein
from lab.training.parts import Parts

__all__ = ["LOSSES", "LossPart", "NonSaturating"]

LOSSES = Parts("loss", "loss", LossPart, (NonSaturating, Minimax, LeastSquares, Hinge, Wasserstein, Relativistic))
"""Every loss by its word in a configuration."""

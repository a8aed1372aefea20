"""R1 and R2: the discriminator's slope at real, and at generated samples."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from gan.penalties.gradients import squared_slope
from gan.penalties.part import Judged, PenaltyPart


class R1(PenaltyPart):
    """(γ/2)·E‖∇D(x)‖² on real samples (Mescheder et al. 2018, eq. 9); the weight is γ."""

    on_real: ClassVar[bool] = True
    factor: ClassVar[float] = 0.5

    penalty: Literal["r1"] = "r1"

    def values(self, judged: Judged) -> Tensor:
        """‖∇D(x)‖²."""
        return squared_slope(judged.real_out, judged.real)


class R2(PenaltyPart):
    """(γ/2)·E‖∇D(G(z))‖² on generated samples (Mescheder et al. 2018, eq. 10); the weight is γ."""

    on_fake: ClassVar[bool] = True
    factor: ClassVar[float] = 0.5

    penalty: Literal["r2"] = "r2"

    def values(self, judged: Judged) -> Tensor:
        """‖∇D(G(z))‖²."""
        return squared_slope(judged.fake_out, judged.fake)

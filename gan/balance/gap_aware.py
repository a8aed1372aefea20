"""The gap-aware learning rate: a discriminator that is better than ideal is slowed, a worse one hurried."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from gan.balance.part import BalancePart
from gan.losses import LossPart


class GapAware(BalancePart):
    """Multiplies the discriminator's learning rate by how far its loss is from ideal (Hazimeh & Ponomareva 2023).

    With V the moving average of its loss, V* the loss where it cannot tell real from generated, x = |V − V*| and
    x_max = ``width``·V*, the factor is ``high``^(x/x_max) where V ≥ V*, ``low``^(x/x_max) where V < V*, and no more
    than at x_max.
    """

    balance: Literal["gap_aware"] = "gap_aware"
    low: float = Field(0.1, gt=0, le=1, description="the factor for a discriminator that wins")
    high: float = Field(2.0, ge=1, le=100, description="the factor for one that loses")
    width: float = Field(0.1, gt=0, le=10, description="gap at which they are reached, as a share of the ideal loss")
    decay: float = Field(0.95, ge=0, lt=1, description="of the moving average of the loss")

    def check(self, loss: LossPart, has_wave: bool) -> None:
        """The ideal loss must be known, and not 0, which gives the gap no scale."""
        if not loss.ideal():
            raise ValueError(f"'gap_aware' needs a loss whose ideal value is known and not 0; {loss.loss!r} has none")

    def control(self, loss: LossPart) -> GapControl:
        """At the ideal loss."""
        ideal = loss.ideal()
        assert ideal, "checked with the configuration"
        return GapControl(self, ideal)


class GapControl:
    """Remembers the moving average of the discriminator's loss."""

    generator, shift = 1.0, 0.0

    def __init__(self, config: GapAware, ideal: float) -> None:
        self._config, self._ideal = config, ideal
        self._loss = ideal

    def observe(self, seen: Mapping[str, float]) -> None:
        """Average the loss, which a NaN leaves alone: the watch stops such a run."""
        if math.isfinite(loss := seen["loss/discriminator"]):
            self._loss += (1 - self._config.decay) * (loss - self._loss)

    @property
    def discriminator(self) -> float:
        """The factor, from ``low`` to ``high``."""
        share = min(abs(self._loss - self._ideal) / (self._config.width * self._ideal), 1.0)
        return math.pow(self._config.high if self._loss >= self._ideal else self._config.low, share)

    def state_dict(self) -> dict[str, float]:
        """The average."""
        return {"loss": self._loss}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from an average."""
        self._loss = float(state["loss"])

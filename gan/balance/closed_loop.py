"""Closed-loop control: the winner is slowed, or the phase between the players moved, until the game is even."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from gan.balance.part import BalancePart
from gan.losses import LossPart


class ClosedLoop(BalancePart):
    """An integral controller of the discriminator's accuracy a, the share of pairs of samples that it ranks right.

        u ← clip(u + gain·(a − target), −limit, limit)        at each step

    Its limits are those of the integral itself, so that it never winds up. What u moves:

    * ``rates``: the winner's learning rate is multiplied by e^−|u|: the discriminator's where u > 0, the generator's
      where u < 0. No rate is ever raised: a controller that hurries one player because the other collapses drives both
      away.
    * ``offset``: the generator's schedule runs u cycles further ahead; the rates keep their means.
    """

    balance: Literal["closed_loop"] = "closed_loop"
    moves: Literal["rates", "offset"] = Field("rates", description="slow the winner, or shift the generator's phase")
    target: float = Field(0.6, gt=0.5, lt=1, description="the discriminator's accuracy to hold; ½ is guessing")
    gain: float = Field(0.01, gt=0, le=1, description="growth of u a step, for each unit of the accuracy's error")
    limit: float = Field(3.0, gt=0, le=10, description="bound of |u|: e^−3 slows 20 times; for offset, in cycles")

    def check(self, loss: LossPart, has_wave: bool) -> None:
        """Only a wave has a phase."""
        if self.moves == "offset" and not has_wave:
            raise ValueError("moves: 'offset' shifts the wave of lr.generator, which has none; 'rates' is accepted")

    def control(self, loss: LossPart) -> LoopControl:
        """At u = 0."""
        return LoopControl(self)


class LoopControl:
    """Remembers the integral u."""

    def __init__(self, config: ClosedLoop) -> None:
        self._config = config
        self.u = 0.0

    def observe(self, seen: Mapping[str, float]) -> None:
        """Integrate the accuracy's error; a NaN is left alone, as the watch stops such a run."""
        if math.isfinite(accuracy := seen["accuracy/discriminator"]):
            limit = self._config.limit
            self.u = min(max(self.u + self._config.gain * (accuracy - self._config.target), -limit), limit)

    @property
    def generator(self) -> float:
        """Less than 1 where the generator wins."""
        return math.exp(min(self.u, 0.0)) if self._config.moves == "rates" else 1.0

    @property
    def discriminator(self) -> float:
        """Less than 1 where the discriminator wins."""
        return math.exp(-max(self.u, 0.0)) if self._config.moves == "rates" else 1.0

    @property
    def shift(self) -> float:
        """In cycles."""
        return self.u if self._config.moves == "offset" else 0.0

    def state_dict(self) -> dict[str, float]:
        """The integral."""
        return {"u": self.u}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from an integral."""
        self.u = float(state["u"])

"""Closed-loop control: a player is slowed, or the phase between both moved, until the game is as it should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from gan.balance.lock_in import LockIn, wrapped
from gan.balance.part import BalancePart
from gan.losses import LossPart


class ClosedLoop(BalancePart):
    """An integral controller of what it ``follows``: by ``accuracy``, the share a of pairs that D ranks right,

        u ← clip(u + gain·(a − target), −limit, limit)        at each step

    by ``gap``, how far the discriminator's loss V lies below V*, the one where it cannot tell real from generated,

        u ← clip(u + gain·((V* − V)/V* − gap), −limit, limit)  at each step

    and by ``phase``, the lead Δ of the generator's loss before the discriminator's in cycles of the master clock
    (:class:`gan.balance.lock_in.LockIn`), the error taken the shorter way around,

        u ← clip(u + gain·(phase − Δ), −limit, limit)         after each cycle in which both losses oscillate

    and it holds still after one in which they do not. Its limits are those of the integral itself, so that it never
    winds up. What u moves:

    * ``rates``: one learning rate is multiplied by e^−|u|: the discriminator's where u > 0, the generator's where
      u < 0; by accuracy and by gap that is the winner, by phase the one whose loss is to come later. No rate is ever
      raised: a controller that hurries one player because the other collapses drives both away.
    * ``offset``: the generator's schedule runs u cycles further ahead; the rates keep their means.
    """

    balance: Literal["closed_loop"] = "closed_loop"
    follows: Literal["accuracy", "gap", "phase"] = Field("accuracy", description="what is measured of the game")
    moves: Literal["rates", "offset"] = Field("rates", description="slow a player, or shift the generator's phase")
    target: float = Field(0.6, gt=0.5, lt=1, description="the discriminator's accuracy to hold; ½ is guessing")
    gap: float = Field(0.2, ge=0, lt=1, description="the discriminator's gap to hold; 0 is guessing, 1 certainty")
    phase: float = Field(0.25, ge=-0.5, lt=0.5, description="lead of the generator's loss to hold, in cycles")
    gain: float = Field(
        0.01, gt=0, le=1, description="growth of u for each unit of the error: a cycle by phase, else a step"
    )
    limit: float = Field(3.0, gt=0, le=10, description="bound of |u|: e^−3 slows 20 times; for offset, in cycles")

    def check(self, loss: LossPart, has_wave: bool) -> None:
        """Only a wave has a phase, and a gap only a loss whose ideal is known and not 0."""
        if self.follows == "gap" and not loss.ideal():
            raise ValueError(f"follows: 'gap' needs a loss with an ideal value that is not 0; {loss.loss!r} has none")
        if self.moves == "offset" and not has_wave:
            raise ValueError("moves: 'offset' shifts the wave of lr.generator, which has none; 'rates' is accepted")

    def control(self, loss: LossPart) -> LoopControl:
        """At u = 0."""
        if self.follows == "phase":
            return PhaseControl(self)
        return LoopControl(self) if self.follows == "accuracy" else GapControl(self, loss.ideal() or math.nan)


class LoopControl:
    """Remembers the integral u."""

    def __init__(self, config: ClosedLoop) -> None:
        self._config = config
        self.u = 0.0

    def observe(self, seen: Mapping[str, float]) -> None:
        """Integrate the accuracy's error; a NaN is left alone, as the watch stops such a run."""
        if math.isfinite(accuracy := seen["accuracy/discriminator"]):
            self.integrate(accuracy - self._config.target)

    def integrate(self, error: float) -> None:
        """Move u within its limits."""
        limit = self._config.limit
        self.u = min(max(self.u + self._config.gain * error, -limit), limit)

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


class GapControl(LoopControl):
    """Integrates the gap's error."""

    def __init__(self, config: ClosedLoop, ideal: float) -> None:
        super().__init__(config)
        self._ideal = ideal

    def observe(self, seen: Mapping[str, float]) -> None:
        """Integrate the gap's error; a NaN is left alone, as the watch stops such a run."""
        if math.isfinite(loss := seen["loss/discriminator"]):
            self.integrate((self._ideal - loss) / self._ideal - self._config.gap)


class PhaseControl(LoopControl):
    """Remembers the integral, and the cycle of losses that is being measured."""

    def __init__(self, config: ClosedLoop) -> None:
        super().__init__(config)
        self._lock_in = LockIn()

    def observe(self, seen: Mapping[str, float]) -> None:
        """Integrate the phase's error where a cycle ended; a NaN is left alone, as the watch stops such a run."""
        losses = (seen["loss/generator"], seen["loss/discriminator"])
        if not all(map(math.isfinite, losses)):
            return
        difference = self._lock_in.observe(seen["clock/phase"], *losses)
        if difference is not None:
            self.integrate(wrapped(self._config.phase - difference))

    def state_dict(self) -> dict[str, float]:
        """The integral, and the sums of the cycle."""
        return super().state_dict() | self._lock_in.state_dict()

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self._lock_in.load_state_dict(state)

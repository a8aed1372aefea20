"""Lookahead for games: both players are drawn back to where they were some steps ago, together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from lab.training.record import Config


class LookaheadConfig(Config):
    """Lookahead-minmax (Chavdarova et al. 2021, algorithm 1)."""

    every: int = Field(5, ge=1, le=1_000_000, description="steps between two returns (k)")
    alpha: float = Field(0.5, gt=0, le=1, description="how far to go from the old point towards the new one (α)")


class Lookahead:
    """Every k steps both players go back: slow ← slow + α·(fast − slow), fast ← slow.

    Attributes:
        slow: the points of the last return, in the order of the parameters; belongs into a checkpoint.
    """

    def __init__(self, config: LookaheadConfig, parameters: Sequence[Tensor]) -> None:
        self._config = config
        self._fast = [parameter.detach() for parameter in parameters]
        self.slow = [parameter.clone() for parameter in self._fast]

    def after(self, step: int) -> None:
        """Return if step number ``step`` (from 0) is the last of k."""
        if self.due(step):
            self.back()

    def due(self, step: int) -> bool:
        """Whether step number ``step`` is the last of k."""
        return (step + 1) % self._config.every == 0

    @torch.no_grad()
    def back(self) -> None:
        """Return."""
        torch._foreach_lerp_(self.slow, self._fast, self._config.alpha)
        torch._foreach_copy_(self._fast, self.slow)

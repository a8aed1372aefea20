"""Means of what the steps measured since the last row of the metrics log, without a look at the device at each step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lab.training.finite import FiniteWatch


class Meter:
    """Sums of a step's statistics; each column is averaged over the steps that measured it.

    Args:
        columns: names of the numbers of a step, in order.
        device: where they lie.
    """

    def __init__(self, columns: Sequence[str], device: torch.device) -> None:
        self._columns = tuple(columns)
        self._watch = FiniteWatch(columns, device)
        self._sums = torch.zeros(len(columns), dtype=torch.float64, device=device)
        self._counts = [0] * len(columns)

    def add(self, step: int | Tensor, statistics: Tensor) -> None:
        """Take in the numbers of a step, float[len(columns)], where they lie; the step may lie there too, int64[]."""
        self._watch.observe(step, statistics)
        self._sums += statistics

    def count(self, left_out: Collection[str] = ()) -> None:
        """Count a step whose numbers were added; those ``left_out`` were not measured, and are 0."""
        for place, name in enumerate(self._columns):
            self._counts[place] += name not in left_out

    def check(self) -> None:
        """Raise NonFiniteError for the first number that was not finite."""
        self._watch.check()

    def means(self) -> dict[str, float]:
        """The mean of each column that was measured since the last call."""
        measured = zip(self._columns, self._sums.tolist(), self._counts, strict=True)
        row = {name: total / count for name, total, count in measured if count}
        self._sums.zero_()
        self._counts = [0] * len(self._columns)
        return row

    def state_dict(self) -> dict[str, Any]:
        """What the next row will be made of."""
        return {"sums": self._sums, "counts": self._counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the sums of a checkpoint."""
        if len(state["counts"]) != len(self._counts):
            raise ValueError(f"meter.counts are {len(state['counts'])} for {len(self._counts)} columns")
        self._sums.copy_(state["sums"])
        self._counts = [int(count) for count in state["counts"]]

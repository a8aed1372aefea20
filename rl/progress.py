"""How a run fares on its target task over time: the area under its curve, its best, and the steps to a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rl.evaluation import Score


class TargetCurve:
    """The evaluations of the target task so far.

    The area is the integral of the mean return (and of the share of successes) over the steps, by trapezoids between
    evaluations, divided by the steps between the first and the last: the mean height of the curve.

    Args:
        threshold: what is to be reached, a share of successes where the task has an aim, else a return.
        steps: of the whole run, which stand for "never".
        aims: whether the task is known to tell success, even if no episode should end.
    """

    def __init__(self, threshold: float | None, steps: int, aims: bool = False) -> None:
        self._threshold, self._steps, self._aims = threshold, steps, aims
        self._begun: int | None = None
        self._last: dict[str, float] = {}
        self._at = 0
        self._sums: dict[str, float] = {}
        self._reached: int | None = None
        self.best = False
        """Whether the evaluation taken in last was better than every one before it."""
        self._record: tuple[float, float] | None = None

    @property
    def aims(self) -> bool:
        """Whether the task tells success, as far as is known by now."""
        return self._aims or "success" in self._last

    def add(self, step: int, score: Score) -> dict[str, float]:
        """Take in an evaluation of the target task (of a later step than those before); the columns that follow."""
        row = {"return": float(score.returns.mean())}
        if score.successes is not None:
            row["success"] = float(score.successes.mean())
        if self._begun is None:
            self._begun = step
            self._sums = dict.fromkeys(row, 0.0)
        elif step > self._at:
            for name, value in row.items():  # before any episode ended, none was a success
                more = (step - self._at) * (value + self._last.get(name, 0.0)) / 2
                self._sums[name] = self._sums.get(name, 0.0) + more
        if "success" in row and not self.aims:  # what was reached until now was no share of successes
            self._reached = None
        self._at, self._last = step, row
        rank = (row.get("success", 0.0), row["return"])
        self.best = self._record is None or rank > self._record
        self._record = rank if self.best else self._record
        aim = row.get("success", row["return"])
        if self._threshold is not None and self._reached is None and aim >= self._threshold:
            self._reached = min(step, self._steps)  # the last iteration may end beyond it
        return self._columns(row)

    def _columns(self, row: Mapping[str, float]) -> dict[str, float]:
        assert self._begun is not None
        span = self._at - self._begun
        found = {f"evaluation/area/{n}": self._sums[n] / span if span else value for n, value in row.items()}
        if self._threshold is not None:
            found["evaluation/steps_to_threshold"] = float(self._steps if self._reached is None else self._reached)
        return found

    def state_dict(self) -> dict[str, Any]:
        """All that the next columns depend on."""
        names = ("begun", "at", "last", "sums", "reached")
        record = None if self._record is None else list(self._record)
        return {**{name: getattr(self, f"_{name}") for name in names}, "record": record}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was called."""
        self._begun = None if state["begun"] is None else int(state["begun"])
        self._reached = None if state["reached"] is None else int(state["reached"])
        self._at = int(state["at"])
        self._last = {str(name): float(value) for name, value in state["last"].items()}
        self._sums = {str(name): float(value) for name, value in state["sums"].items()}
        record = state["record"]
        self._record = None if record is None else (float(record[0]), float(record[1]))

"""What every voice is: the protocol, what follows from its values alone (tables, moments, matching), and constants.

The other voices are schedules (:mod:`lab.phase.schedule`), which have a clock.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lab.phase.clock import Clock, steps_of
from lab.phase.cycles import Ints, Kind
from lab.phase.errors import LAST, PhaseError, number, refuse, whole

Floats: TypeAlias = NDArray[np.float64]
Moment: TypeAlias = Literal["mean", "rms"]
Event: TypeAlias = Literal["crest", "trough"] | float

LONGEST, PORTION = 100_000_000, 1_000_000
"""The longest cycle in steps over which a mean is taken, and how many steps of it are evaluated at a time."""


@runtime_checkable
class Voice(Protocol):
    """What every schedule-like thing does: a pure function of the step, over one clock (or none, if constant)."""

    @property
    def clock(self) -> Clock | None:
        """The clock it follows; None for a constant."""

    @property
    def low(self) -> float:
        """No value is less."""

    @property
    def high(self) -> float:
        """No value is more."""

    @overload
    def __call__(self, step: int) -> float: ...
    @overload
    def __call__(self, step: Ints) -> Floats: ...

    @overload
    def level(self, step: int) -> float: ...
    @overload
    def level(self, step: Ints) -> Floats: ...

    def table(self, steps: int) -> Floats:
        """The values of steps 0..steps-1, float64[steps]."""

    def mean(self) -> float:
        """Mean over one whole cycle's steps, or over all of a bounded clock's."""

    def rms(self) -> float:
        """Root of the mean square over the same steps."""

    def due(self, event: Event, start: int, stop: int | None = None) -> Iterator[int]:
        """The steps from ``start`` (to before ``stop``, or endlessly) at which an event falls."""

    def to_config(self) -> Any:
        """Plain data."""


class Evaluated(ABC):
    """What follows from values alone: tables, moments and matching."""

    @abstractmethod
    def _kinds(self) -> list[Kind]:
        """The cycles over which moments are taken: ``Clock.kinds``."""

    @abstractmethod
    def _at(self, step: int) -> float: ...

    @abstractmethod
    def _over(self, steps: Ints) -> Floats: ...

    @overload
    def __call__(self, step: int) -> float: ...
    @overload
    def __call__(self, step: Ints) -> Floats: ...
    def __call__(self, step: int | Ints) -> float | Floats:
        """The value: a float for an int ≥ 0, float64 of the same shape for an integer array."""
        if type(step) is int and 0 <= step <= LAST:
            return self._at(step)
        steps = steps_of(step)
        return self._at(steps) if isinstance(steps, int) else self._over(steps)

    def table(self, steps: int) -> Floats:
        """The values of steps 0..steps-1, float64[steps]."""
        return self._over(np.arange(whole("steps", steps, 0), dtype=np.int64))

    def mean(self) -> float:
        """Mean over the steps of one whole cycle (of a chain's endless part), or over all of a bounded clock's."""
        return self._moment(lambda values: values)

    def rms(self) -> float:
        """Root of the mean square over the same steps as ``mean``."""
        return math.sqrt(self._moment(np.square))

    def _moment(self, of: Callable[[Floats], Floats]) -> float:
        sums, steps = [], 0
        for start, period, count in self._kinds():
            if period > LONGEST:
                raise PhaseError(f"clock: no mean is taken over a cycle of {period:,} steps; at most {LONGEST:,} are")
            portions = (
                np.arange(at, min(at + PORTION, start + period)) for at in range(start, start + period, PORTION)
            )
            sums.append(count * math.fsum(value for portion in portions for value in of(self._over(portion)).tolist()))
            steps += count * period
        return math.fsum(sums) / steps

    def _factor(self, other: Voice, moment: Moment) -> float:
        """What this must be multiplied by for its moment to equal the other's."""
        if moment not in ("mean", "rms"):
            raise refuse("moment", moment, "mean or rms")
        if not isinstance(other, Voice):
            raise refuse("other", other, "a schedule, or a Constant of the number wanted")
        mine, theirs = (voice.mean() if moment == "mean" else voice.rms() for voice in (self, other))
        if mine == 0 or theirs / mine <= 0 or not math.isfinite(theirs / mine):
            raise PhaseError(f"{moment}: {mine!r} cannot be scaled to {theirs!r}; expected the same sign and no zero")
        return theirs / mine


@dataclass(frozen=True)
class Constant(Evaluated):
    """The same value at every step.

    >>> Constant(3e-4)(1000)
    0.0003
    """

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", number("value", self.value))

    @property
    def clock(self) -> None:
        """A constant follows no clock."""
        return None

    @property
    def low(self) -> float:
        """The number."""
        return self.value

    @property
    def high(self) -> float:
        """The number."""
        return self.value

    def _kinds(self) -> list[Kind]:
        return [(0, 1, 1)]

    def _at(self, step: int) -> float:
        return self.value

    def _over(self, steps: Ints) -> Floats:
        return np.full(steps.shape, self.value)

    @overload
    def level(self, step: int) -> float: ...
    @overload
    def level(self, step: Ints) -> Floats: ...
    def level(self, step: int | Ints) -> float | Floats:
        """1: a constant is always as high as it gets."""
        steps = steps_of(step)
        return 1.0 if isinstance(steps, int) else np.ones(steps.shape)

    def shifted(self, offset: float) -> Constant:
        """The same: a constant has no cycle."""
        return self

    def scaled(self, factor: float) -> Constant:
        """``factor`` times this."""
        return Constant(self.value * factor)

    def matched_to(self, other: Voice, moment: Moment = "mean") -> Constant:
        """The constant whose mean (or rms) equals the other's."""
        return self.scaled(self._factor(other, moment))

    def due(self, event: Event, start: int, stop: int | None = None) -> Iterator[int]:
        """A constant has no crests, troughs or phases."""
        raise refuse("event", event, "an event of a schedule: a constant has none")

    def to_config(self) -> float:
        """The number itself."""
        return self.value

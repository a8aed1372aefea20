"""A voice that ends in a cooldown: from a step on it falls in a straight line from its mean to 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np

from lab.phase.clock import Clock, steps_of
from lab.phase.cycles import Ints, Kind
from lab.phase.errors import refuse, whole
from lab.phase.schedule import ConstantProduct, Schedule
from lab.phase.voice import Evaluated, Event, Floats


@dataclass(frozen=True)
class Cooled(Evaluated):
    """A schedule up to a step, then a linear decay from its mean to 0, where it stays.

        value(t) = voice(t)                                        t < start
                   mean · max(0, 1 − (t − start) / steps)          t ≥ start

    Voices of one mean that stood apart in their cycles decay together. Neither stretched nor bounded clocks change
    the mean: it is :meth:`Schedule.mean`.

    Args:
        voice: before the cooldown; not itself cooled.
        start: the first step of the cooldown, whose value is the mean.
        steps: after how many more it is 0, at least 1.

    >>> lr = Cooled(Schedule(Clock(period=4), wave="triangle", low=0.0, high=1.0), start=8, steps=2)
    >>> lr.table(12).tolist()
    [1.0, 0.5, 0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 0.5, 0.25, 0.0, 0.0]
    """

    voice: Schedule | ConstantProduct
    start: int
    steps: int
    _mean: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", whole("start", self.start, 0))
        object.__setattr__(self, "steps", whole("steps", self.steps, 1))
        if not isinstance(self.voice, Schedule | ConstantProduct):
            raise refuse("voice", self.voice, "a schedule")
        object.__setattr__(self, "_mean", self.voice.mean())

    @property
    def clock(self) -> Clock:
        """Of the voice before the cooldown."""
        return self.voice.clock

    @property
    def low(self) -> float:
        """The voice's, or 0 if that is less."""
        return min(self.voice.low, 0.0)

    @property
    def high(self) -> float:
        """The voice's, or 0 if that is more."""
        return max(self.voice.high, 0.0)

    def _kinds(self) -> list[Kind]:
        """Means are taken over all steps until it rests at 0."""
        return [(0, self.start + self.steps, 1)]

    def _at(self, step: int) -> float:
        if step < self.start:
            return self.voice._at(step)
        return self._mean * max(0.0, 1.0 - (step - self.start) / self.steps)

    def _over(self, steps: Ints) -> Floats:
        falling = self._mean * np.maximum(0.0, 1.0 - (steps - self.start) / self.steps)
        return np.where(steps < self.start, self.voice._over(steps), falling)

    @overload
    def level(self, step: int) -> float: ...
    @overload
    def level(self, step: Ints) -> Floats: ...
    def level(self, step: int | Ints) -> float | Floats:
        """How far up its range it stands, in [0, 1]; 1 if the range is empty."""
        span, steps = self.high - self.low, steps_of(step)
        if isinstance(steps, int):
            return (self._at(steps) - self.low) / span if span else 1.0
        return (self._over(steps) - self.low) / span if span else np.ones(steps.shape)

    def shifted(self, offset: float) -> Cooled:
        """The same cooldown after the voice ``offset`` of a cycle earlier."""
        return replace(self, voice=self.voice.shifted(offset))

    def due(self, event: Event, start: int, stop: int | None = None) -> Iterator[int]:
        """The events of the voice before the cooldown."""
        return self.voice.due(event, start, self.start if stop is None else min(stop, self.start))

    def to_config(self) -> dict[str, Any]:
        """Plain data: the voice's, with the cooldown."""
        return {**self.voice.to_config(), "cooldown": {"start": self.start, "steps": self.steps}}

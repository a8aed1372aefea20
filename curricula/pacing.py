"""Open-loop pacing: the difficulty as a function of the step, on the same clocks as everything else.

A ramp is one bounded cycle of a falling wave, inverted: with φ the phase of ``Clock(stop − start, cycles=1)``

    linear     1 − sawtooth(φ) = φ              cosine     1 − anneal(φ) = (1 − cos πφ)/2
    staircase  min(⌊levels·φ⌋, levels − 1)/(levels − 1)

of the way from low to high. Before ``start`` it stands at low, and a clock that has ended rests, so it stays at high.
Any wave of the engine paces too (`Wave`): a curriculum that comes back to the easy tasks; `Cyclic` is one whose crests
rise over the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from curricula.difficulty import number, whole
from lab.errors import UserError
from lab.phase import Clock, Schedule


class Pacing(Protocol):
    """A frozen function from a step (an int ≥ 0) to a difficulty in [0, 1]."""

    def __call__(self, step: int) -> float:
        """The difficulty at a step."""


@dataclass(frozen=True)
class _Ramp:
    """What the ramps share: from ``low`` at ``start`` to ``high`` at ``stop``, by the shape of a wave."""

    stop: int
    start: int = 0
    low: float = 0.0
    high: float = 1.0
    _schedule: Schedule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the schedule; refuse what is no ramp."""
        _check_range(self.low, self.high)
        for name, least in (("start", 0), ("stop", 1)):
            whole(name, getattr(self, name), least)
        if self.stop <= self.start:
            raise UserError(f"stop is {self.stop}; accepted: a step after start, {self.start}")
        falling = Schedule(Clock(period=self.stop - self.start, cycles=1), self._wave())
        object.__setattr__(self, "_schedule", falling.anti_phase())

    def _wave(self) -> str | Callable[[float], float]:
        """The wave, falling from 1 to 0 over its cycle, whose inversion is the ramp."""
        raise NotImplementedError

    def __call__(self, step: int) -> float:
        """The difficulty at a step."""
        way = self._schedule.level(max(step - self.start, 0))
        # Exactly low at the start and exactly high at the end, and never an ulp outside.
        return min(max(self.low * (1.0 - way) + self.high * way, self.low), self.high)


@dataclass(frozen=True)
class Linear(_Ramp):
    """A straight ramp.

    >>> Linear(start=1000, stop=3000)(1500)
    0.25
    """

    def _wave(self) -> str:
        return "sawtooth"


@dataclass(frozen=True)
class Cosine(_Ramp):
    """A ramp that begins and ends gently.

    >>> round(Cosine(stop=1000)(500), 12)
    0.5
    """

    def _wave(self) -> str:
        return "anneal"


@dataclass(frozen=True)
class _Stairs:
    """The staircase as a falling wave; a class, so that it can be pickled."""

    levels: int

    def __call__(self, phase: float) -> float:
        last = self.levels - 1
        return 1.0 - min(int(phase * self.levels), last) / last


@dataclass(frozen=True)
class Staircase(_Ramp):
    """Equal stairs: ``levels`` difficulties from low to high, each held for the same time.

    >>> [Staircase(stop=100, levels=3)(step) for step in (0, 33, 34, 66, 67, 100)]
    [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    """

    levels: int = 5

    def __post_init__(self) -> None:
        """Refuse fewer than two stairs."""
        whole("levels", self.levels, 2)
        super().__post_init__()

    def _wave(self) -> Callable[[float], float]:
        return _Stairs(self.levels)


@dataclass(frozen=True)
class Wave:
    """Any schedule of the engine whose values are difficulties, for curricula that return to the easy tasks.

    >>> Wave(Schedule(Clock(period=100), wave="cosine").anti_phase())(50)
    1.0
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        """Refuse a schedule that leaves [0, 1]."""
        _check_range(self.schedule.low, self.schedule.high)

    def __call__(self, step: int) -> float:
        """The difficulty at a step."""
        return self.schedule(step)


@dataclass(frozen=True)
class Cyclic:
    """A wave whose crest rises linearly over the run: every cycle comes back to the easy tasks and goes further.

        crest(t) = first + (high − first)·min(t/stop, 1)
        value(t) = low + (crest(t) − low)·wave(t)

    Args:
        wave: a schedule from 0 to 1.
        stop: the step from which on crests reach ``high``.
        low: the difficulty at troughs.
        first: what a crest at step 0 would reach, in [low, high].
        high: what crests reach at ``stop``.

    >>> plan = Cyclic(Schedule(Clock(period=100)).shifted(0.5), stop=200)
    >>> [plan(step) for step in (0, 50, 100, 150, 200, 250)]
    [0.0, 0.25, 0.0, 0.75, 0.0, 1.0]
    """

    wave: Schedule
    stop: int
    low: float = 0.0
    first: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no range, no time, or no wave from 0 to 1."""
        _check_range(self.low, self.high)
        number("first", self.first, self.low, self.high)
        whole("stop", self.stop, 1)
        if (self.wave.low, self.wave.high) != (0.0, 1.0):
            raise UserError(f"wave is from {self.wave.low} to {self.wave.high}; accepted: a schedule from 0 to 1")

    def crest(self, step: int) -> float:
        """What a crest at this step reaches."""
        way = min(step / self.stop, 1.0)
        return self.first * (1.0 - way) + self.high * way

    def __call__(self, step: int) -> float:
        """The difficulty at a step."""
        level = self.wave(step)
        value = self.low * (1.0 - level) + self.crest(step) * level
        return min(max(value, self.low), self.high)  # never an ulp outside


def _check_range(low: Any, high: Any) -> None:
    number("low", low, 0.0, 1.0)
    number("high", high, 0.0, 1.0)
    if low > high:
        raise UserError(f"low is {low}; accepted: a number in [0, high = {high}]")

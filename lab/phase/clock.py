"""The clock: an integer step becomes a position (cycle, phase, period), by integer arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from lab.phase.cycles import Cycles, Ints, Kind, Split, Stretched, Uniform, count_kinds
from lab.phase.errors import LAST, keys, refuse, whole, within

FINEST = 1_000_000_000
"""Offsets and phases are read as the nearest fraction with at most this denominator, so that 0.7 means 7/10."""


class Position(NamedTuple):
    """Where a clock stands: the cycle (from 0), the phase in [0, 1) (1.0 at rest) and the cycle's period in steps.

    The members are numbers for an integer step, arrays (int64, float64, int64) for an array of steps.
    """

    cycle: Any
    phase: Any
    period: Any


def fraction(value: float) -> Fraction:
    """The simple fraction that ``value`` stands for: ``fraction(0.7) == Fraction(7, 10)``."""
    return Fraction(value).limit_denominator(FINEST)


class Clock:
    """Maps a step to a position.

    A cycle of ``P`` steps that starts at step ``s`` has the phases ``(step - s) / P`` for ``step = s, …, s + P - 1``.
    With a stretch ``r`` the cycle ``k`` has ``period * r**k`` steps, rounded to the nearest whole step (halves up, at
    least 1) from the exact product, so that rounding never accumulates. A clock whose cycles have ended rests at phase
    1.0 of its last cycle. Steps go up to 2**62.

    Args:
        period: steps of the first cycle, at least 1.
        cycles: how many cycles there are; None is endless.
        stretch: each cycle's length as a multiple of the one before, > 0; below 1 only with ``cycles``.

    Raises:
        PhaseError: naming the argument, its value and what is accepted.

    >>> Clock(period=100, cycles=4, stretch=2).position(300)
    Position(cycle=2, phase=0.0, period=400)
    >>> Clock(period=10, cycles=5, stretch=1.5).periods(5)
    [10, 15, 23, 34, 51]
    """

    __slots__ = ("_first", "_last", "_rest", "_starts", "length", "parts")

    parts: tuple[Cycles, ...]
    """Sequences of cycles, one after the other; ``then`` makes more than one."""
    length: int | None
    """Steps until the clock rests; None if it never does."""

    def __init__(self, period: int, cycles: int | None = None, stretch: float = 1) -> None:
        self._compose((_cycles(period, cycles, stretch),))

    def _compose(self, parts: tuple[Cycles, ...]) -> None:
        starts, first = [0], [0]  # the step and the cycle with which each part begins
        for part in parts[:-1]:
            if part.cycles is None or part.length is None:
                raise refuse("then", part, "a clock with a number of cycles: nothing comes after an endless one")
            starts.append(starts[-1] + part.length)
            first.append(first[-1] + part.cycles)
        self.parts, self._starts, self._first = parts, starts, first
        last = parts[-1].length
        self.length = None if last is None else starts[-1] + last
        if (self.length or starts[-1]) > LAST:
            raise refuse("then", parts[-1], f"a clock so short that all have at most {LAST:,} steps")
        self._last = len(parts) - 1
        self._rest = (0, 0, 0)
        if self.cycles is not None:
            period = self.bounds(self.cycles - 1)[1]
            self._rest = (self.cycles - 1, period, period)

    @classmethod
    def _of(cls, parts: tuple[Cycles, ...]) -> Clock:
        clock = cls.__new__(cls)
        clock._compose(parts)
        return clock

    @classmethod
    def split(cls, total: int, cycles: int) -> Clock:
        """``cycles`` cycles of whole steps, as equal as can be, that sum exactly to ``total``.

        >>> Clock.split(total=20, cycles=3).periods(3)
        [6, 7, 7]
        """
        return cls._of((Split(total, cycles),))

    def then(self, other: Clock) -> Clock:
        """This clock's cycles, followed by those of ``other``; cycles are counted through."""
        if not isinstance(other, Clock):
            raise refuse("then", other, "a Clock")
        return self._of(self.parts + other.parts)

    @property
    def cycles(self) -> int | None:
        """The number of cycles; None if the clock is endless."""
        last = self.parts[-1].cycles
        return None if last is None else self._first[-1] + last

    def locate(self, step: int) -> tuple[int, int, int]:
        """``(cycle, index, period)`` of an integer step: the phase is ``index / period``; at rest index == period."""
        length = self.length
        if length is not None and step >= length:
            return self._rest
        if not self._last:
            return self.parts[0].locate(step)
        at = self._last
        while self._starts[at] > step:
            at -= 1
        cycle, index, period = self.parts[at].locate(step - self._starts[at])
        return self._first[at] + cycle, index, period

    def locate_all(self, steps: Ints) -> tuple[Ints, Ints, Ints]:
        """``locate`` for an int64 array: three int64 arrays of its shape."""
        cycle, index, period = (np.empty(steps.shape, np.int64) for _ in range(3))
        ends = [*self._starts[1:], self.length]
        for part, start, stop, first in zip(self.parts, self._starts, ends, self._first, strict=True):
            here = steps >= start if stop is None else (steps >= start) & (steps < stop)
            cycle[here], index[here], period[here] = part.locate_all(steps[here] - start)
            cycle[here] += first
        if self.length is not None:
            rest = steps >= self.length
            cycle[rest], index[rest], period[rest] = self._rest
        return cycle, index, period

    @overload
    def position(self, step: int) -> Position: ...
    @overload
    def position(self, step: Ints) -> Position: ...
    def position(self, step: int | Ints) -> Position:
        """The position at a step (an int ≥ 0) or at each of an integer array's steps."""
        steps = steps_of(step)
        if isinstance(steps, int):
            cycle, index, period = self.locate(steps)
            return Position(cycle, float(index) / float(period), period)  # as NumPy divides integers
        cycles, indices, periods = self.locate_all(steps)
        return Position(cycles, indices / periods, periods)

    def bounds(self, cycle: int) -> tuple[int, int]:
        """``(start, period)`` of a cycle that exists: its first step and its length in steps."""
        at = self._last
        while self._first[at] > cycle:
            at -= 1
        start, period = self.parts[at].bounds(cycle - self._first[at])
        return self._starts[at] + start, period

    def periods(self, cycles: int) -> list[int]:
        """The lengths in steps of the first ``cycles`` cycles (fewer if the clock ends before)."""
        count = cycles if self.cycles is None else min(cycles, self.cycles)
        return [self.bounds(cycle)[1] for cycle in range(count)]

    def kinds(self) -> list[Kind]:
        """``(start, period, how many)`` of the cycles that means are taken over, those of one length counted together.

        All cycles of a bounded clock; of an endless one the first cycle of its endless part.
        """
        if self.cycles is None:
            return [(*self.bounds(self._first[-1]), 1)]
        return count_kinds(
            (start + first, period, count)
            for part, start in zip(self.parts, self._starts, strict=True)
            for first, period, count in part.kinds()
        )

    def steps_at(self, phase: float, start: int, stop: int) -> NDArray[np.int64]:
        """The steps in [start, stop), ascending, at which the phase first reaches ``phase`` in a cycle.

        ``phase`` is in [0, 1]; 1 is reached only where a bounded clock comes to rest. A cycle too short to reach the
        phase has no such step.

        >>> Clock(period=10).steps_at(0.25, 0, 30).tolist()
        [3, 13, 23]
        """
        if not 0 <= phase <= 1:
            raise refuse("phase", phase, "a number from 0 to 1")
        reached = self.reaching(fraction(phase), start, stop)
        # A moment that falls after a cycle's last step carries over to the next cycle, in which it was not reached.
        return np.array([step for step in reached if phase == 0 or self.locate(step)[1] > 0], dtype=np.int64)

    def reaching(self, phase: Fraction, start: int, stop: int | None = None, before: bool = False) -> Iterator[int]:
        """For each cycle the first step at or after the moment of ``phase``, if it lies in [start, stop).

        Args:
            phase: exact, in [0, 1]; 1 is the cycle's end.
            start, stop: the range of steps; a stop of None is endless.
            before: the last step before the moment instead.
        """
        up, down = phase.numerator, phase.denominator
        start = max(start, 0)
        cycle = max(self.locate(start)[0] - 1, 0)  # the cycle before may carry over
        while self.cycles is None or cycle < self.cycles:
            first, period = self.bounds(cycle)
            step = first - (-up * period // down) - before  # the smallest index with index / period >= phase
            if stop is not None and step >= stop:
                return
            if step >= start:
                yield step
            cycle += 1

    def to_config(self) -> dict[str, Any]:
        """Plain data that ``from_config`` turns back into an equal clock."""
        parts = [part.to_config() for part in self.parts]
        return parts[0] if len(parts) == 1 else {"then": parts}

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], field: str = "clock") -> Clock:
        """The clock of ``{period, cycles?, stretch?}``, ``{split: {total, cycles}}`` or ``{then: [clock, …]}``.

        Raises:
            PhaseError: naming the dotted field, the value and what is accepted.
        """
        keys(field, mapping, ("period", "cycles", "stretch", "split", "then"))
        kinds = [kind for kind in ("period", "split", "then") if kind in mapping]
        if len(kinds) != 1 or (kinds != ["period"] and len(mapping) != 1):
            raise refuse(field, dict(mapping), "one of {period, cycles?, stretch?}, {split: …} or {then: […]}")
        if kinds == ["then"]:
            return cls._chain(mapping["then"], within(field, "then"))
        if kinds == ["split"]:
            inner = keys(within(field, "split"), mapping["split"], ("total", "cycles"))
            for name in ("total", "cycles"):
                if name not in inner:
                    raise refuse(within(field, "split"), dict(inner), "both total and cycles")
            return cls._of((Split(inner["total"], inner["cycles"], within(field, "split")),))
        return cls._of((_cycles(mapping["period"], mapping.get("cycles"), mapping.get("stretch", 1), field),))

    @classmethod
    def _chain(cls, parts: Any, field: str) -> Clock:
        if not isinstance(parts, list | tuple) or not parts:
            raise refuse(field, parts, "a list of clocks")
        clocks = [cls.from_config(part, f"{field}.{at}") for at, part in enumerate(parts)]
        for at, clock in enumerate(clocks[:-1]):
            if clock.length is None:
                raise refuse(f"{field}.{at}", clock, "a clock with a number of cycles, as another comes after it")
        return cls._of(tuple(part for clock in clocks for part in clock.parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clock) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        head, *tail = (repr(part) for part in self.parts)
        return head + "".join(f".then({part})" for part in tail)

    def __reduce__(self) -> tuple[Any, ...]:
        return Clock._of, (self.parts,)


def _cycles(period: int, cycles: int | None, stretch: float, field: str = "") -> Cycles:
    plain = stretch == 1 and not isinstance(stretch, bool)  # a boolean is refused as a stretch
    return Uniform(period, cycles, field) if plain else Stretched(period, cycles, stretch, field)


def steps_of(step: Any) -> int | Ints:
    """A step as a plain int, steps as an int64 array; negative, fractional and boolean steps are refused."""
    if isinstance(step, np.ndarray | list | tuple):
        steps = np.asarray(step)
        if not steps.size:
            return steps.astype(np.int64)
        if not np.issubdtype(steps.dtype, np.integer) or steps.min() < 0 or steps.max() > LAST:
            raise refuse("step", step, f"integers from 0 to {LAST:,}")
        return steps.astype(np.int64)
    return whole("step", step, 0)

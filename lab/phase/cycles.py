"""What a clock counts: cycles of whole steps that are all alike, each stretched, or a total split between them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lab.phase.errors import LAST, number, refuse, whole, within

Ints: TypeAlias = NDArray[np.int64]
Located: TypeAlias = tuple[int, int, int]
Kind: TypeAlias = tuple[int, int, int]
"""``(start, period, how many)``: the cycles of one length, and the first step of one of them."""
DIGITS = Context(prec=60)
"""Stretched periods are multiplied out to this many digits and only then rounded."""
SLOWEST = 1.001
"""An endless clock whose cycles grow by less would have a million of them in its first billion steps."""
MOST_CYCLES = 100_000
"""Stretched cycles are listed one by one; no more than these are counted out."""


class Cycles(Protocol):
    """A sequence of cycles that starts at step 0; every method is integer arithmetic."""

    @property
    def cycles(self) -> int | None:
        """How many cycles; None if endless."""

    @property
    def length(self) -> int | None:
        """All steps together; None if endless."""

    def locate(self, step: int) -> Located:
        """``(cycle, index, period)`` of a step before the end; the phase is ``index / period``."""

    def locate_all(self, steps: Ints) -> tuple[Ints, Ints, Ints]:
        """``locate`` for an array."""

    def bounds(self, cycle: int) -> tuple[int, int]:
        """First step and length of a cycle that exists."""

    def kinds(self) -> list[Kind]:
        """Its cycles, those of one length counted together; one cycle if they are endless."""

    def to_config(self) -> dict[str, Any]:
        """Plain data."""


@dataclass(frozen=True, repr=False)
class Uniform:
    """Cycles of one length."""

    period: int
    cycles: int | None = None
    place: InitVar[str] = ""

    def __post_init__(self, place: str) -> None:
        _whole(self, place, "period")
        if self.cycles is not None:
            _whole(self, place, "cycles", most=LAST // self.period)

    @property
    def length(self) -> int | None:
        """``period * cycles``."""
        return None if self.cycles is None else self.period * self.cycles

    def locate(self, step: int) -> Located:
        """One integer division."""
        cycle, index = divmod(step, self.period)
        return cycle, index, self.period

    def locate_all(self, steps: Ints) -> tuple[Ints, Ints, Ints]:
        """One integer division each."""
        cycle, index = np.divmod(steps, self.period)
        return cycle, index, np.full_like(steps, self.period)

    def bounds(self, cycle: int) -> tuple[int, int]:
        """``(cycle * period, period)``."""
        return cycle * self.period, self.period

    def kinds(self) -> list[Kind]:
        """One kind."""
        return [(0, self.period, self.cycles or 1)]

    def to_config(self) -> dict[str, Any]:
        """``{period, cycles?}``."""
        return {"period": self.period} | ({} if self.cycles is None else {"cycles": self.cycles})

    def __repr__(self) -> str:
        return _call("Clock", self.to_config())


@dataclass(frozen=True, repr=False)
class Split:
    """``cycles`` cycles that share ``total`` steps: cycle k starts at step ``total * k // cycles``."""

    total: int
    cycles: int
    place: InitVar[str] = ""

    def __post_init__(self, place: str) -> None:
        _whole(self, place, "cycles")
        _whole(self, place, "total", least=self.cycles)

    @property
    def length(self) -> int:
        """``total``."""
        return self.total

    def locate(self, step: int) -> Located:
        """The last cycle whose start is not after the step, in closed form."""
        cycle = ((step + 1) * self.cycles - 1) // self.total
        start, period = self.bounds(cycle)
        return cycle, step - start, period

    def locate_all(self, steps: Ints) -> tuple[Ints, Ints, Ints]:
        """The same integers, element by element."""
        if self.total > LAST // self.cycles:
            steps = steps.astype(object)  # Python's integers, which never overflow
        cycle = ((steps + 1) * self.cycles - 1) // self.total
        start = self.total * cycle // self.cycles
        return cycle, steps - start, self.total * (cycle + 1) // self.cycles - start

    def bounds(self, cycle: int) -> tuple[int, int]:
        """Start and length, both whole."""
        start = self.total * cycle // self.cycles
        return start, self.total * (cycle + 1) // self.cycles - start

    def kinds(self) -> list[Kind]:
        """The shorter cycles, and those with the one step more that the first of them comes by when it is due."""
        period, longer = divmod(self.total, self.cycles)
        shorter = [(0, period, self.cycles - longer)]
        return [*shorter, (self.bounds(-(-self.cycles // longer) - 1)[0], period + 1, longer)] if longer else shorter

    def to_config(self) -> dict[str, Any]:
        """``{split: {total, cycles}}``."""
        return {"split": {"total": self.total, "cycles": self.cycles}}

    def __repr__(self) -> str:
        return _call("Clock.split", self.to_config()["split"])


@dataclass(frozen=True, repr=False)
class Stretched:
    """Cycle k has ``period * stretch**k`` steps, rounded once from the exact product to the nearest step, halves up."""

    period: int
    cycles: int | None
    stretch: float
    place: InitVar[str] = ""
    _starts: list[int] = field(default_factory=lambda: [0], init=False, compare=False)  # grown as far as was asked
    _exact: list[Decimal] = field(default_factory=list, init=False, compare=False)  # the next period before rounding

    def __post_init__(self, place: str) -> None:
        _whole(self, place, "period")
        if self.cycles is not None:
            _whole(self, place, "cycles", most=MOST_CYCLES)
        stretch, floor = number(within(place, "stretch"), self.stretch), 1 if self.cycles is None else 0
        if stretch <= floor:
            accepted = "a number above 1 (a shrinking clock needs cycles)" if floor else "a number above 0"
            raise refuse(within(place, "stretch"), self.stretch, accepted)
        if self.cycles is None and stretch < SLOWEST:
            raise refuse(within(place, "stretch"), self.stretch, f"a number of at least {SLOWEST}, or 1")
        object.__setattr__(self, "stretch", int(stretch) if stretch.is_integer() else stretch)
        self._exact.append(Decimal(self.period))
        for cycle in range(self.cycles or 0):
            self._grow(cycle + 1)
            if self._starts[-1] > LAST:
                accepted = f"so few that together they have at most {LAST:,} steps"
                raise refuse(within(place, "cycles"), self.cycles, accepted)

    def _grow(self, cycles: int) -> None:
        """Know the starts of all cycles up to number ``cycles``."""
        starts, exact = self._starts, self._exact
        while len(starts) <= cycles:
            period = int(exact[0].to_integral_value(ROUND_HALF_UP))
            starts.append(starts[-1] + max(period, 1))
            # No cycle is longer than half of all steps there are, so that the end of the last fits into int64.
            exact[0] = min(DIGITS.multiply(exact[0], Decimal(str(self.stretch))), Decimal(LAST // 2))

    def _reach(self, step: int) -> None:
        """Know the starts up to the first one after ``step``."""
        while self._starts[-1] <= step:
            self._grow(len(self._starts))

    @property
    def length(self) -> int | None:
        """The sum of the rounded periods."""
        if self.cycles is None:
            return None
        self._grow(self.cycles)
        return self._starts[self.cycles]

    def locate(self, step: int) -> Located:
        """A binary search among the cycles' starts."""
        self._reach(step)
        starts = self._starts
        cycle = bisect_right(starts, step) - 1
        start = starts[cycle]
        return cycle, step - start, starts[cycle + 1] - start

    def locate_all(self, steps: Ints) -> tuple[Ints, Ints, Ints]:
        """The same search, element by element."""
        if not steps.size:
            return steps, steps, steps
        self._reach(int(steps.max()))
        starts = np.array(self._starts[: bisect_right(self._starts, LAST) + 1], dtype=np.int64)
        cycle = np.searchsorted(starts, steps, side="right") - 1
        return cycle, steps - starts[cycle], starts[cycle + 1] - starts[cycle]

    def bounds(self, cycle: int) -> tuple[int, int]:
        """Start and rounded length."""
        self._grow(cycle + 1)
        return self._starts[cycle], self._starts[cycle + 1] - self._starts[cycle]

    def kinds(self) -> list[Kind]:
        """Counted one by one."""
        return count_kinds((*self.bounds(cycle), 1) for cycle in range(self.cycles or 1))

    def to_config(self) -> dict[str, Any]:
        """``{period, cycles?, stretch}``."""
        cycles = {} if self.cycles is None else {"cycles": self.cycles}
        return {"period": self.period, **cycles, "stretch": self.stretch}

    def __repr__(self) -> str:
        return _call("Clock", self.to_config())


def count_kinds(kinds: Iterable[Kind]) -> list[Kind]:
    """Kinds of the same length counted together, by the start of the first of them."""
    counted: dict[int, tuple[int, int]] = {}
    for start, period, count in kinds:
        first, before = counted.get(period, (start, 0))
        counted[period] = first, before + count
    return [(start, period, count) for period, (start, count) in counted.items()]


def _whole(cycles: object, place: str, name: str, least: int = 1, most: int = LAST) -> None:
    """Check a whole number of frozen cycles, and keep it as a plain int."""
    object.__setattr__(cycles, name, whole(within(place, name), getattr(cycles, name), least, most))


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"

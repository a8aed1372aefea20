"""Schedules: pure functions of the step made of a clock, a wave and a range, and the relations between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias, get_args, overload

import numpy as np

from lab.phase.clock import Clock, fraction, steps_of
from lab.phase.cycles import Ints, Kind
from lab.phase.errors import LAST, PhaseError, keys, number, positive, refuse, within
from lab.phase.voice import Evaluated, Event, Floats, Moment, Voice
from lab.phase.waves import Function, Wave, find

Scale: TypeAlias = Literal["linear", "geometric"]
SCALES: tuple[Scale, ...] = get_args(Scale)


@dataclass(frozen=True)
class Schedule(Evaluated):
    """A clock, a wave and a range: a pure function of the step.

        level(t) = wave(phase(t) + offset)            the phase is taken modulo 1
        value(t) = low + (high − low) · level(t)      high − (high − low) · level(t) if inverted
                 = low · (high / low)^level(t)        if geometric; low · (high / low)^(1 − level(t)) if inverted too

    The extremes are met to the last bit, unless inverted: ``high`` where the level is 1, ``low`` where it is 0.

    Args:
        clock: gives the phase.
        wave: a name in :data:`lab.phase.waves.WAVES` (cosine, triangle, anneal, …), or a user's own function from a
            phase in [0, 1] to a level in [0, 1]; it is called with floats only. On a clock of one cycle
            (``Clock(steps, cycles=1)``) ``sawtooth`` is the linear decay to zero.
        low: the value at the trough; may be negative (a slingshot schedule).
        high: the value at the crest, at least ``low``.
        offset: how much earlier than the clock the wave runs, in cycles; 0.7 means 7/10 exactly.
        inverted: falls where the wave rises.
        scale: ``linear``, or ``geometric`` where ratios matter, as between learning rates decades apart; a geometric
            ``sawtooth`` is the exponential decay. Its ``low`` is above 0.

    Raises:
        PhaseError: naming the argument, its value and what is accepted.

    >>> lr = Schedule(Clock(period=1000), wave="cosine", low=0.0, high=1.0)
    >>> lr(0), lr(500), lr(1000)
    (1.0, 0.0, 1.0)
    >>> lr.shifted(0.25)(750)
    1.0
    """

    clock: Clock
    wave: str | Function = "cosine"
    low: float = 0.0
    high: float = 1.0
    offset: float = 0.0
    inverted: bool = False
    scale: Scale = "linear"
    _wave: Wave = field(init=False, repr=False, compare=False)
    _shift: tuple[int, int] = field(init=False, repr=False, compare=False)  # the offset in [0, 1), as a fraction

    def __post_init__(self) -> None:
        if not isinstance(self.clock, Clock):
            raise refuse("clock", self.clock, "a Clock")
        for name in ("low", "high", "offset"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if self.low > self.high or not math.isfinite(self.high - self.low):
            raise refuse("low", self.low, f"a number of at most high ({self.high!r})")
        if not isinstance(self.inverted, bool):
            raise refuse("inverted", self.inverted, "true or false")
        if self.scale not in SCALES:
            raise refuse("scale", self.scale, " or ".join(SCALES))
        if self.scale == "geometric" and not (self.low > 0 and math.isfinite(self.high / self.low)):
            raise refuse("low", self.low, "a number above 0, high / low finite, for a geometric scale")
        wave, shift = find(self.wave), fraction(self.offset) % 1
        object.__setattr__(self, "wave", wave.name or wave.function)
        object.__setattr__(self, "_wave", wave)
        object.__setattr__(self, "_shift", (shift.numerator, shift.denominator))

    def _kinds(self) -> list[Kind]:
        return self.clock.kinds()

    # One path serves scalars and arrays: the wave is only ever called with floats (arrays call it once for each
    # distinct phase), and all else is integer arithmetic, or single float operations, alike in Python and NumPy.

    def _wave_at(self, step: int) -> float:
        _, index, period = self.clock.locate(step)
        up, down = self._shift
        if up:
            period *= down
            index = (index * down + up * period // down) % period
        return float(self._wave.function(float(index) / float(period)))  # as NumPy divides integers

    def _wave_over(self, steps: Ints) -> Floats:
        _, index, period = self.clock.locate_all(steps)
        up, down = self._shift
        if up:
            if steps.size and int(period.max()) > LAST // down:
                index, period = index.astype(object), period.astype(object)  # Python's integers, which never overflow
            index, period = (index * down + up * period) % (period * down), period * down
        phases, where = np.unique(index.astype(np.float64) / period.astype(np.float64), return_inverse=True)
        levels = np.fromiter(map(self._wave.function, phases.tolist()), np.float64, len(phases))
        return levels[where].reshape(steps.shape)

    def _at(self, step: int) -> float:
        level = self._wave_at(step)
        if self.scale == "geometric":
            return self._between(level)
        low, high = self.low, self.high
        if self.inverted:
            return high - (high - low) * level
        return low + (high - low) * level if level < 0.5 else high - (high - low) * (1.0 - level)

    def _over(self, steps: Ints) -> Floats:
        level = self._wave_over(steps)
        if self.scale == "geometric":  # by Python's power, as NumPy's differs from it in the last bit
            return np.fromiter(map(self._between, level.ravel().tolist()), np.float64, level.size).reshape(level.shape)
        low, high = self.low, self.high
        if self.inverted:
            return high - (high - low) * level
        return np.where(level < 0.5, low + (high - low) * level, high - (high - low) * (1.0 - level))

    def _between(self, level: float) -> float:
        """The value of a geometric scale, which meets both ends to the last bit."""
        level = 1.0 - level if self.inverted else level
        ratio = self.high / self.low
        value = self.low * math.pow(ratio, level) if level < 0.5 else self.high * math.pow(ratio, level - 1.0)
        return min(max(value, self.low), self.high)

    @overload
    def level(self, step: int) -> float: ...
    @overload
    def level(self, step: Ints) -> Floats: ...
    def level(self, step: int | Ints) -> float | Floats:
        """How far up its range it stands, in [0, 1]: the wave, or one minus it if inverted."""
        steps = steps_of(step)
        wave = self._wave_at(steps) if isinstance(steps, int) else self._wave_over(steps)
        return 1.0 - wave if self.inverted else wave

    def shifted(self, offset: float) -> Schedule:
        """The same, ``offset`` of a cycle earlier: level(t) = wave(phase(t) + offset)."""
        return replace(self, offset=self.offset + number("offset", offset))

    def in_phase(self, low: float | None = None, high: float | None = None) -> Schedule:
        """Another range (by default the same), rising when this rises."""
        return replace(self, low=self.low if low is None else low, high=self.high if high is None else high)

    def anti_phase(self, low: float | None = None, high: float | None = None) -> Schedule:
        """Another range (by default the same), falling when this rises: high − (high − low) · level, for any wave.

        For the symmetric waves (cosine, triangle, square) this equals ``shifted(0.5)`` over the same range. For the
        others it does not: ``anneal`` falls slowly and jumps up, its anti-phase rises slowly and jumps down, while
        ``shifted(0.5)`` still falls slowly and jumps up, half a cycle apart.
        """
        return replace(self.in_phase(low, high), inverted=not self.inverted)

    def quadrature(self, low: float | None = None, high: float | None = None) -> Schedule:
        """Another range (by default the same), a quarter of a cycle earlier."""
        return self.in_phase(low, high).shifted(0.25)

    def constant_product(self, product: float, low: float, high: float, power: float = 1.0) -> ConstantProduct:
        """``product / self**power``, clipped to [low, high]."""
        return ConstantProduct(self, product, low, high, power)

    def scaled(self, factor: float) -> Schedule:
        """``factor`` (above 0) times this."""
        factor = positive("factor", factor)
        return replace(self, low=self.low * factor, high=self.high * factor)

    def matched_to(self, other: Voice, moment: Moment = "mean") -> Schedule:
        """Scaled so that its mean (or rms) equals the other's, for fair comparisons."""
        return self.scaled(self._factor(other, moment))

    def due(self, event: Event, start: int, stop: int | None = None) -> Iterator[int]:
        """The steps from ``start`` (to before ``stop``, or endlessly) at which an event of this schedule falls.

        A crest is where its own level is 1 and a trough where it is 0, offset and inversion included; a number is the
        phase of its own wave. Where a wave reaches an extreme only as its cycle ends (the trough of ``anneal``), the
        event is the last step before that.
        """
        phase, before = self._event(event)
        return self.clock.reaching(phase, start, stop, before)

    def _event(self, event: Event) -> tuple[Fraction, bool]:
        """The clock's phase of an event, and whether the last step before it is meant."""
        accepted = "crest, trough, or a phase from 0 to below 1"
        phase: float | None
        if isinstance(event, str):
            if str(event) not in ("crest", "trough"):
                raise refuse("event", event, accepted)
            phase = self._wave.crest if (event == "crest") != self.inverted else self._wave.trough
            if phase is None:
                raise refuse("event", event, f"an event that the wave {self.wave!r} has")
        else:
            phase = number("event", event)
            if not 0 <= phase < 1:
                raise refuse("event", event, accepted)
        at = (fraction(phase) - fraction(self.offset)) % 1
        return (at or Fraction(1), True) if phase == 1 else (at, False)

    def to_config(self) -> dict[str, Any]:
        """Plain data that ``from_config`` turns back into an equal schedule.

        Raises:
            PhaseError: the wave is a user's own function, which has no name that a file could carry.
        """
        if not self._wave.name:
            raise refuse("wave", self.wave, "a named wave: a function of your own cannot go into a file")
        inverted = {"inverted": True} if self.inverted else {}
        scale = {"scale": self.scale} if self.scale != "linear" else {}
        return {
            "wave": self.wave,
            "low": self.low,
            "high": self.high,
            "offset": self.offset,
            **inverted,
            **scale,
            "clock": self.clock.to_config(),
        }

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], clock: Clock | None = None, field: str = "") -> Schedule:
        """The schedule of ``{wave, low, high, offset?, inverted?, scale?, clock?}``; ``clock`` where it names none.

        Raises:
            PhaseError: naming the dotted field under ``field``, the value and what is accepted.
        """
        keys(field, mapping, ("wave", "low", "high", "offset", "inverted", "scale", "clock"))
        for name in ("wave", "low", "high"):
            if name not in mapping:
                raise PhaseError(f"{within(field, name)}: missing; expected wave, low and high")
        if "clock" in mapping:
            clock = Clock.from_config(mapping["clock"], within(field, "clock"))
        if clock is None:
            raise PhaseError(f"{within(field, 'clock')}: missing; expected a clock, such as {{period: 1000}}")
        arguments = {name: value for name, value in mapping.items() if name != "clock"}
        if not isinstance(arguments["wave"], str):
            raise refuse(within(field, "wave"), arguments["wave"], "the name of a wave")
        try:
            return cls(clock, **arguments)
        except PhaseError as error:
            raise PhaseError(within(field, str(error))) from None


@dataclass(frozen=True)
class ConstantProduct(Evaluated):
    """A schedule whose product with its leader, or with a power of it, is constant, within a range.

        value(t) = min(max(product / leader(t)**power, low), high)

    A leader at 0 gives ``high``. Followed by a learning rate η with power 2 and product α², and low = H₀, it is the
    quadratic synchronisation rule H = max(H₀, ⌊(α/η)²⌋) (Gu et al. 2024, arXiv 2310.14423), before the rounding.

    >>> lr = Schedule(Clock(period=100), wave="cosine", low=0.25, high=1.0)
    >>> lr.constant_product(0.5, low=0.1, high=1.5)([0, 50]).tolist()
    [0.5, 1.5]
    """

    leader: Schedule
    product: float
    low: float
    high: float
    power: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "product", positive("product", self.product))
        object.__setattr__(self, "power", positive("power", self.power))
        for name in ("low", "high"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not isinstance(self.leader, Schedule) or self.leader.low < 0:
            raise refuse("leader", self.leader, "a schedule that is never negative")
        if self.low > self.high:
            raise refuse("low", self.low, f"a number of at most high ({self.high!r})")

    @property
    def clock(self) -> Clock:
        """The leader's."""
        return self.leader.clock

    def _kinds(self) -> list[Kind]:
        return self.clock.kinds()

    def _at(self, step: int) -> float:
        leader = self._raised(self.leader._at(step))
        # A leader so small that the quotient overflows is infinitely low: NumPy says inf, Python too except at 0.
        return min(max(self.product / leader, self.low), self.high) if leader > 0 else self.high

    def _over(self, steps: Ints) -> Floats:
        leader = np.array([self._raised(value) for value in self.leader._over(steps).ravel().tolist()])
        leader = leader.reshape(steps.shape)
        quotient = np.full(steps.shape, math.inf)
        with np.errstate(over="ignore"):
            np.divide(self.product, leader, out=quotient, where=leader > 0)
        bounded: Floats = np.minimum(np.maximum(quotient, self.low), self.high)
        return bounded

    def _raised(self, leader: float) -> float:
        """Python's power for scalars and arrays alike, as NumPy's differs from it in the last bit."""
        if self.power == 1.0:
            return leader
        try:
            return float(leader**self.power)
        except OverflowError:
            return math.inf

    @overload
    def level(self, step: int) -> float: ...
    @overload
    def level(self, step: Ints) -> Floats: ...
    def level(self, step: int | Ints) -> float | Floats:
        """How far up its range it stands, in [0, 1]; 1 if the range is empty."""
        span = self.high - self.low
        steps = steps_of(step)
        if isinstance(steps, int):
            return (self._at(steps) - self.low) / span if span else 1.0
        return (self._over(steps) - self.low) / span if span else np.ones(steps.shape)

    def shifted(self, offset: float) -> ConstantProduct:
        """The same, ``offset`` of a cycle earlier."""
        return replace(self, leader=self.leader.shifted(offset))

    def scaled(self, factor: float) -> ConstantProduct:
        """``factor`` (above 0) times this."""
        factor = positive("factor", factor)
        return replace(self, product=self.product * factor, low=self.low * factor, high=self.high * factor)

    def matched_to(self, other: Voice, moment: Moment = "mean") -> ConstantProduct:
        """Scaled so that its mean (or rms) equals the other's."""
        return self.scaled(self._factor(other, moment))

    def due(self, event: Event, start: int, stop: int | None = None) -> Iterator[int]:
        """The steps of its events: its crest is its leader's trough, and the other way round."""
        opposite: dict[Event, Event] = {"crest": "trough", "trough": "crest"}
        return self.leader.due(opposite.get(event, event), start, stop)

    def to_config(self) -> dict[str, Any]:
        """Plain data: the leader's, and the relation to it."""
        return {
            "follow": self.leader.to_config(),
            "relation": "constant_product",
            "product": self.product,
            "low": self.low,
            "high": self.high,
            **({"power": self.power} if self.power != 1.0 else {}),
        }

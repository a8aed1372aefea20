"""The clock: positions by integers, cycles that stretch, split and follow each other, and rest at the end."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.phase import Clock, PhaseError, Position
from lab.phase.errors import LAST


def bounded(most_cycles: int = 6) -> st.SearchStrategy[Clock]:
    cycles = st.integers(1, most_cycles)
    plain = st.builds(Clock, st.integers(1, 40), cycles, st.sampled_from([1, 2, 3, 0.5, 1.1, 1.5, 1.25]))
    split = cycles.flatmap(lambda c: st.builds(Clock.split, st.integers(c, 200), st.just(c)))
    return st.one_of(plain, split)


def endless() -> st.SearchStrategy[Clock]:
    return st.builds(Clock, st.integers(1, 40), st.none(), st.sampled_from([1, 2, 3, 1.1, 1.5]))


def clocks() -> st.SearchStrategy[Clock]:
    parts = st.lists(bounded(), max_size=2)
    return st.builds(lambda first, last: chain([*first, last]), parts, st.one_of(bounded(), endless()))


def chain(parts: list[Clock]) -> Clock:
    clock = parts[0]
    for part in parts[1:]:
        clock = clock.then(part)
    return clock


def walk(clock: Clock, steps: int) -> list[Position]:
    """Positions by counting step after step, with nothing but the cycles' lengths."""
    walked: list[Position] = []
    periods = clock.periods(steps)
    for cycle, period in enumerate(periods):
        walked += [Position(cycle, index / period, period) for index in range(period)]
        if len(walked) >= steps:
            return walked[:steps]
    return walked + [Position(len(periods) - 1, 1.0, periods[-1])] * (steps - len(walked))


@given(clocks())
def test_positions_are_those_of_counting_step_by_step(clock: Clock) -> None:
    assert [clock.position(step) for step in range(300)] == walk(clock, 300)


@given(clocks(), st.integers(0, 10**6))
def test_a_position_does_not_depend_on_what_was_asked_before(clock: Clock, step: int) -> None:
    fresh = pickle.loads(pickle.dumps(clock))
    clock.position(step + 1000)
    clock.position(0)
    assert clock.position(step) == fresh.position(step)


@given(clocks(), st.lists(st.integers(0, 10**9), max_size=30))
def test_arrays_give_exactly_what_integers_give(clock: Clock, steps: list[int]) -> None:
    position = clock.position(np.array(steps, dtype=np.int64))
    assert list(zip(*(member.tolist() for member in position), strict=True)) == [clock.position(t) for t in steps]


@given(clocks(), st.integers(0, 20).map(lambda n: n / 20), st.integers(0, 100), st.integers(0, 300))
def test_steps_at_are_the_first_of_each_cycle_to_reach_the_phase(clock: Clock, phase: float, lo: int, hi: int) -> None:
    first: dict[int, int] = {}
    for step in range(hi):
        position = clock.position(step)
        if position.phase >= phase - 1e-12:
            first.setdefault(position.cycle, step)
    assert clock.steps_at(phase, lo, hi).tolist() == [step for step in first.values() if lo <= step < hi]


@given(clocks())
def test_configuration_comes_back_equal(clock: Clock) -> None:
    again = Clock.from_config(clock.to_config())
    assert again == clock
    assert hash(again) == hash(clock)
    assert again.to_config() == clock.to_config()
    assert eval(repr(clock), {"Clock": Clock}) == clock


@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from([0.3, 0.5, 1.1, 1.5, 2.5, 1.01]))
def test_a_fractional_stretch_rounds_the_exact_product_to_the_nearest_step_halves_up(
    period: int, cycles: int, stretch: float
) -> None:
    exact = [period * Fraction(str(stretch)) ** cycle for cycle in range(cycles)]
    rounded = [max(1, math.floor(each + Fraction(1, 2))) for each in exact]
    assert Clock(period, cycles, stretch).periods(cycles) == rounded


def test_a_stretch_is_not_truncated_and_its_rounding_does_not_add_up() -> None:
    # Peers truncate each cycle from the one before: 15, 22, 33, 49.
    assert Clock(period=15, cycles=4, stretch=1.5).periods(4) == [15, 23, 34, 51]


def test_warm_restarts_double_then_rest_at_phase_one() -> None:
    clock = Clock(period=100, cycles=4, stretch=2)
    assert clock.periods(9) == [100, 200, 400, 800]
    assert clock.length == 1500
    assert clock.position(1499) == Position(3, 799 / 800, 800)
    assert clock.position(1500) == clock.position(10**12) == Position(3, 1.0, 800)


def test_the_power_where_a_logarithm_rounds_wrongly() -> None:
    # torch's CosineAnnealingWarmRestarts(T_0=1, T_mult=3).step(121) takes log(243, 3) for 4.999… and ends a cycle late.
    assert Clock(period=1, stretch=3).position(121) == Position(5, 0.0, 243)


@given(st.integers(2, 10), st.integers(0, 36))
def test_every_power_of_a_stretch_begins_a_cycle(stretch: int, cycle: int) -> None:
    assume(stretch**cycle < LAST // 2)
    start = (stretch**cycle - 1) // (stretch - 1)
    clock = Clock(period=1, stretch=stretch)
    assert clock.position(start) == Position(cycle, 0.0, stretch**cycle)
    assert start == 0 or clock.position(start - 1).cycle == cycle - 1


@given(st.integers(1, 500), st.integers(1, 60))
def test_a_split_shares_all_steps_as_equally_as_whole_steps_can(extra: int, cycles: int) -> None:
    total = cycles + extra
    periods = Clock.split(total, cycles).periods(cycles)
    assert len(periods) == cycles
    assert sum(periods) == total
    assert max(periods) - min(periods) <= 1


def test_split_of_fifty_thousand_in_six() -> None:
    assert sorted(Clock.split(total=50_000, cycles=6).periods(6)) == [8333] * 4 + [8334] * 2


def test_then_counts_cycles_through() -> None:
    clock = Clock(period=5000, cycles=3).then(Clock(period=200, cycles=10))
    assert clock.cycles == 13
    assert clock.length == 17_000
    assert clock.position(14_999) == Position(2, 4999 / 5000, 5000)
    assert clock.position(15_100) == Position(3, 0.5, 200)


def test_steps_at_written_phases_are_not_late_by_rounding() -> None:
    assert 0.07 * 100 > 7  # what a product of floats would make the eighth step
    assert Clock(100).steps_at(0.07, 0, 200).tolist() == [7, 107]
    assert Clock(10).steps_at(1 - 0.7, 0, 10).tolist() == [3]


def test_a_bounded_clock_reaches_phase_one_once_and_an_endless_one_never() -> None:
    assert Clock(10, cycles=3).steps_at(1.0, 0, 1000).tolist() == [30]
    assert Clock(10).steps_at(1.0, 0, 1000).tolist() == []


def test_a_moment_between_a_cycles_last_step_and_the_next_cycle_carries_over_for_events_only() -> None:
    clock = Clock(period=3)
    assert clock.steps_at(0.9, 0, 10).tolist() == []
    assert list(clock.reaching(Fraction(9, 10), 0, 10)) == [3, 6, 9]
    assert list(islice(Clock(period=1).reaching(Fraction(1, 2), 5), 2)) == [5, 6]


def test_shapes_and_empty_arrays_are_kept() -> None:
    clock = Clock(period=7).position(np.arange(6).reshape(2, 3))
    assert clock.phase.shape == (2, 3)
    assert Clock(period=7, stretch=2).position(np.empty(0, dtype=np.int64)).phase.shape == (0,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Clock(period=0), "period: 0 is not accepted; expected an integer of at least 1"),
        (lambda: Clock(period=2.5), "period: 2.5"),
        (lambda: Clock(period=True), "period: True"),
        (lambda: Clock(period=10, cycles=0), "cycles: 0"),
        (lambda: Clock(period=10, cycles=3, stretch=0), "stretch: 0 is not accepted; expected a number above 0"),
        (lambda: Clock(period=10, stretch=0.5), "a shrinking clock needs cycles"),
        (lambda: Clock(period=10, stretch=math.nan), "stretch: nan"),
        (lambda: Clock.split(total=3, cycles=4), "total: 3 is not accepted; expected an integer of at least 4"),
        (lambda: Clock(10).then(Clock(10)), "then: Clock(period=10) is not accepted; expected a clock with a number"),
        (lambda: Clock(10, cycles=2).then(5), "then: 5 is not accepted; expected a Clock"),
        (lambda: Clock(10, cycles=3, stretch=True), "stretch: True"),
        (lambda: Clock(LAST + 1), f"period: an integer of that size is not accepted; expected at most {LAST:,}"),
        (lambda: Clock(10, cycles=LAST), "cycles: an integer of that size"),
        (lambda: Clock(10, cycles=10**9, stretch=0.5), "cycles: an integer of that size"),
        (lambda: Clock(10, cycles=100_000, stretch=2), "cycles: 100000 is not accepted; expected so few that"),
        (lambda: Clock(LAST, cycles=1).then(Clock(1, cycles=1)), "then: Clock(period=1, cycles=1)"),
        (lambda: Clock(10).position(LAST + 1), "step: "),
        (lambda: Clock(10).position(np.array([2**63], dtype=np.uint64)), "step: "),
        (lambda: Clock(10).position(-1), "step: -1"),
        (lambda: Clock(10).position(1.5), "step: 1.5"),
        (lambda: Clock(10).position(np.array([0.5])), "step: "),
        (lambda: Clock(10).steps_at(1.5, 0, 10), "phase: 1.5"),
        (lambda: Clock.from_config({"period": 0}), "clock.period: 0"),
        (lambda: Clock.from_config({"perod": 10}), "clock.perod: unknown 'perod' (did you mean 'period'?)"),
        (lambda: Clock.from_config({"period": 10, "split": {}}), "clock: {"),
        (lambda: Clock.from_config({"split": {"total": 10}}), "clock.split: "),
        (
            lambda: Clock.from_config({"then": [{"period": 1, "cycles": 1}, {"period": "x"}]}),
            "clock.then.1.period: 'x'",
        ),
        (lambda: Clock.from_config({"then": [{"period": 1}, {"period": 1}]}), "clock.then.0: "),
        (lambda: Clock.from_config({"period": 10, "stretch": True}), "clock.stretch: True"),
        (lambda: Clock.from_config([10]), "clock: [10]"),
    ],
)
def test_bad_input_is_refused_by_field_value_and_what_is_accepted(make, message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        make()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "clock",
    [
        Clock.split(LAST, 10**6 + 3),
        Clock.split(LAST, LAST),
        Clock(LAST, cycles=1),
        Clock(7, stretch=1e300),
        Clock(7, cycles=50, stretch=2),
    ],
    ids=repr,
)
def test_far_steps_are_the_same_alone_and_in_an_array(clock: Clock) -> None:
    steps = [0, 7, 8, 10**12, LAST // 3, LAST - 1, LAST]
    cycles, phases, periods = clock.position(np.array(steps))
    together = [Position(*each) for each in zip(cycles.tolist(), phases.tolist(), periods.tolist(), strict=True)]
    assert [clock.position(step) for step in steps] == together


@given(clocks())
def test_kinds_count_the_cycles_of_one_length(clock: Clock) -> None:
    if clock.cycles is None:
        return
    periods = clock.periods(clock.cycles)
    starts = [sum(periods[:cycle]) for cycle in range(len(periods))]
    expected = {period: (starts[periods.index(period)], periods.count(period)) for period in periods}
    found = {period: (start, count) for start, period, count in clock.kinds()}
    assert found == expected
    assert len(found) == len(clock.kinds())


def test_kinds_of_countless_cycles_are_not_counted_one_by_one() -> None:
    assert Clock(10, cycles=10**15).kinds() == [(0, 10, 10**15)]
    assert Clock.split(10**17 + 1, 10**15).kinds() == [(0, 100, 10**15 - 1), (10**17 - 100, 101, 1)]


def test_numpy_integers_are_steps_and_periods_too() -> None:
    assert Clock(np.int64(10)).to_config() == {"period": 10}
    assert type(Clock(np.int64(10)).parts[0].period) is int
    assert Clock(10).position(np.int32(5)) == Position(0, 0.5, 10)

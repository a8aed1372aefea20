"""Schedules are pure functions, scalars and arrays agree to the last bit, and relations mean what they say."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.phase import Clock, Constant, ConstantProduct, Follower, PhaseError, Schedule, waves

numbers = st.floats(-1e6, 1e6)
names = st.sampled_from(sorted(waves.WAVES))
offsets = st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.7, -0.25, 1 / 3, 2.9]), st.floats(-3, 3))
clocks = st.one_of(
    st.builds(Clock, st.integers(1, 50), st.one_of(st.none(), st.integers(1, 5)), st.sampled_from([1, 2, 1.5])),
    st.integers(1, 5).flatmap(lambda c: st.builds(Clock.split, st.integers(c, 200), st.just(c))),
    st.builds(lambda a, b: Clock(a, 2).then(Clock(b)), st.integers(1, 50), st.integers(1, 50)),
)
ranges = st.tuples(numbers, numbers).map(sorted)


@st.composite
def schedules(draw: st.DrawFn, positive: bool = False) -> Schedule:
    low, high = draw(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2).map(sorted) if positive else ranges)
    scale = draw(st.sampled_from(["linear", "geometric"])) if positive else "linear"
    return Schedule(draw(clocks), draw(names), low, high, draw(offsets), draw(st.booleans()), scale)


@st.composite
def voices(draw: st.DrawFn) -> Any:
    if draw(st.booleans()):
        return draw(schedules(positive=draw(st.booleans())))
    leader = draw(schedules(positive=True))
    low, high = draw(ranges)
    return leader.constant_product(draw(st.floats(1e-9, 1e9)), low, high)


@given(voices(), st.lists(st.integers(0, 10**7), max_size=40))
def test_scalars_and_arrays_agree_to_the_last_bit(voice: Any, steps: list[int]) -> None:
    array = np.array(steps, dtype=np.int64)
    assert voice(array).tolist() == [voice(step) for step in steps]
    assert voice.level(array).tolist() == [voice.level(step) for step in steps]
    assert voice(array).dtype == voice.level(array).dtype == np.float64
    assert voice.table(30).tolist() == [voice(step) for step in range(30)]


@pytest.mark.parametrize("wave", sorted(waves.WAVES))
@pytest.mark.parametrize("clock", [Clock(997), Clock(10, 9, 1.7), Clock.split(7919, 13), Clock(3, 5).then(Clock(89))])
def test_scalars_and_arrays_agree_over_ten_thousand_steps(wave: str, clock: Clock) -> None:
    schedule = Schedule(clock, wave, 1e-5, 1e-3, offset=0.3)
    assert schedule.table(10_000).tolist() == [schedule(step) for step in range(10_000)]


@given(voices(), st.lists(st.integers(0, 10**6), min_size=1))
def test_a_value_never_depends_on_what_was_asked_before(voice: Any, asked: list[int]) -> None:
    fresh = pickle.loads(pickle.dumps(voice))
    for step in asked:
        voice(step)
    assert voice(17) == fresh(17)


@given(schedules(), st.integers(0, 10**6))
def test_the_level_is_the_wave_at_the_offset_phase(schedule: Schedule, step: int) -> None:
    schedule = Schedule(schedule.clock, "sawtooth", 0.0, 1.0, schedule.offset)
    phase = schedule.clock.position(step).phase
    expected = 1 - ((phase + schedule.offset) % 1.0 if schedule.offset else phase)
    apart = abs(schedule.level(step) - expected) % 1  # 0 and 1 are the same phase
    assert min(apart, 1 - apart) < 2e-9  # an offset is read to a thousand-millionth of a cycle


@given(schedules(), st.integers(0, 10**6))
def test_values_stay_in_the_range(schedule: Schedule, step: int) -> None:
    tolerance = 4 * max(math.ulp(schedule.low), math.ulp(schedule.high))
    assert schedule.low - tolerance <= schedule(step) <= schedule.high + tolerance
    assert 0 <= schedule.level(step) <= 1


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_the_extremes_are_met_exactly(one: float, other: float) -> None:
    low, high = sorted((one, other))
    schedule = Schedule(Clock(period=10), "cosine", low, high)
    assert (schedule(0), schedule(5)) == (high, low)


@given(schedules(positive=True), st.integers(0, 10**5))
def test_a_geometric_scale_is_linear_in_the_logarithm(schedule: Schedule, step: int) -> None:
    geometric = replace(schedule, scale="geometric")
    low, high = math.log(schedule.low), math.log(schedule.high)
    assert math.log(geometric(step)) == pytest.approx(low + (high - low) * schedule.level(step), abs=1e-12)
    assert schedule.low <= geometric(step) <= schedule.high
    assert geometric.level(step) == schedule.level(step)
    assert math.log(geometric.anti_phase()(step)) == pytest.approx(low + high - math.log(geometric(step)), abs=1e-12)


@given(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))
def test_a_geometric_scale_meets_its_extremes_exactly(one: float, other: float) -> None:
    low, high = sorted((one, other))
    schedule = Schedule(Clock(period=10), "cosine", low, high, scale="geometric")
    assert (schedule(0), schedule(5)) == (high, low)
    assert (schedule.anti_phase()(0), schedule.anti_phase()(5)) == (low, high)


@given(schedules(), ranges, st.integers(0, 10**5))
def test_in_phase_rises_and_anti_phase_falls_with_the_leader_by_the_formula(
    leader: Schedule, bounds: list[float], step: int
) -> None:
    low, high = bounds
    level = leader.level(step)
    if not leader.inverted:
        assert leader.anti_phase(low, high)(step) == high - (high - low) * level
    close = 1e-12 * max(abs(low), abs(high), 1e-300)
    assert leader.in_phase(low, high)(step) == pytest.approx(low + (high - low) * level, abs=close)
    assert leader.anti_phase(low, high)(step) == pytest.approx(high - (high - low) * level, abs=close)
    assert leader.anti_phase(low, high).level(step) == pytest.approx(1 - level, abs=1e-15)


@given(schedules(), st.sampled_from(["cosine", "triangle"]), st.integers(0, 10**5))
def test_half_a_cycle_is_anti_phase_for_symmetric_waves(schedule: Schedule, wave: str, step: int) -> None:
    period = 2 * schedule.clock.periods(1)[0]
    schedule = Schedule(Clock(period), wave, schedule.low, schedule.high, schedule.offset)
    close = 1e-12 * max(abs(schedule.low), abs(schedule.high))
    assert schedule.shifted(0.5)(step) == pytest.approx(schedule.anti_phase()(step), abs=close)


def test_half_a_cycle_is_not_anti_phase_for_anneal() -> None:
    anneal = Schedule(Clock(period=8), "anneal")
    assert anneal.shifted(0.5).table(8).tolist() != pytest.approx(anneal.anti_phase().table(8).tolist())


@given(schedules(), offsets, offsets)
def test_shifts_add_up(schedule: Schedule, one: float, other: float) -> None:
    twice, once = schedule.shifted(one).shifted(other), schedule.shifted(one + other)
    assert twice.offset == pytest.approx(once.offset, abs=1e-12)


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_tenths_of_a_cycle_never_miss_the_jump_of_a_wave(tens: int, step: int) -> None:
    # 0.7 + 0.3 and the like must come out as a whole cycle, or a warm restart would begin at its trough.
    clock = Clock(period=10 * tens)
    for tenth in range(10):
        restart = Schedule(clock, "anneal", offset=tenth / 10)
        assert restart(step - step % clock.periods(1)[0] + (10 - tenth) * tens) == 1.0


def test_a_period_too_long_for_64_bits_of_shifted_phase_still_agrees() -> None:
    schedule = Schedule(Clock(period=10**12), "cosine", 0.0, 1.0, offset=0.123456789)
    steps = [0, 1, 10**11, 10**12 - 1, 10**13 + 7]
    assert schedule(np.array(steps)).tolist() == [schedule(step) for step in steps]
    assert schedule(10**12 - 123456789 * 1000) == 1.0


def test_quadrature_is_a_quarter_of_a_cycle_earlier() -> None:
    lr = Schedule(Clock(period=1000), "cosine", 0.0, 1.0)
    assert lr.quadrature(1.0, 3.0)(750) == 3.0
    assert lr.shifted(0.25).table(3000).tolist() == lr.table(3250)[250:].tolist()


@given(schedules(positive=True), st.floats(1e-6, 1e3), st.integers(0, 10**5))
def test_constant_product_is_the_quotient_within_its_range(leader: Schedule, product: float, step: int) -> None:
    low, high = product / leader.high, product / leader.low * (1 + 1e-6)
    follower = leader.constant_product(product, low, high)
    assert follower(step) * leader(step) == pytest.approx(product, rel=1e-9)
    tight = leader.constant_product(product, low * 2, low * 2)
    assert tight(step) == low * 2
    assert 0 <= follower.level(step) <= 1


def test_constant_product_with_a_leader_at_zero_is_at_its_highest() -> None:
    follower = Schedule(Clock(period=2), "cosine", 0.0, 1.0).constant_product(1e-300, 0.0, 2.0)
    assert follower(1) == 2.0
    assert follower.table(2).tolist() == [1e-300, 2.0]
    tiny = Schedule(Clock(period=2), "cosine", 5e-324, 1.0).constant_product(1.0, 0.0, 2.0)
    assert tiny.table(2).tolist() == [tiny(0), tiny(1)] == [1.0, 2.0]


@given(schedules(positive=True), schedules(positive=True), st.sampled_from(["mean", "rms"]))
def test_matching_makes_the_moments_equal_and_keeps_the_shape(mine: Schedule, other: Schedule, moment: Any) -> None:
    matched = mine.matched_to(other, moment)
    assert getattr(matched, moment)() == pytest.approx(getattr(other, moment)(), rel=1e-9)
    assert matched.level(np.arange(50)).tolist() == mine.level(np.arange(50)).tolist()
    product = mine.constant_product(1.0, 1 / mine.high, 1 / mine.low).matched_to(other, moment)
    assert getattr(product, moment)() == pytest.approx(getattr(other, moment)(), rel=1e-9)
    assert Constant(2.0).matched_to(other, moment).value == pytest.approx(getattr(other, moment)(), rel=1e-9)


def test_moments_are_over_one_cycle_or_over_a_bounded_clock() -> None:
    assert Schedule(Clock(period=1000), "cosine", 0.0, 1.0).mean() == pytest.approx(0.5, abs=1e-15)
    assert Schedule(Clock(period=1000), "cosine", 0.0, 1.0).rms() == pytest.approx(math.sqrt(3 / 8), abs=1e-12)
    assert Schedule(Clock(period=2, cycles=2, stretch=2), "sawtooth").mean() == pytest.approx((1.5 + 2.5) / 6)
    assert Schedule(Clock(4, cycles=3).then(Clock(2)), "sawtooth").mean() == 0.75
    assert Constant(3.0).mean() == Constant(3.0).rms() == 3.0


@given(clocks, names, offsets)
def test_moments_are_those_of_the_table(clock: Clock, wave: str, offset: float) -> None:
    schedule = Schedule(clock, wave, -1.0, 3.0, offset)
    if clock.length is not None:
        values = schedule.table(clock.length)
    elif len(clock.parts) == 1:
        values = schedule.table(clock.periods(1)[0])
    else:
        start = clock.bounds(2)[0]
        values = schedule.table(start + clock.periods(3)[2])[start:]
    assert schedule.mean() == pytest.approx(values.mean(), abs=1e-12)
    assert schedule.rms() == pytest.approx(np.sqrt((values**2).mean()), abs=1e-12)


def test_moments_of_many_alike_cycles_cost_one_cycle() -> None:
    assert Schedule(Clock(period=1000, cycles=10**5), "cosine").mean() == pytest.approx(0.5)


@pytest.mark.parametrize("portion", [1, 7, 100, 1000])
def test_moments_do_not_depend_on_the_portions_they_are_summed_in(
    portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(Clock.split(301, 3), "one_cycle", -0.1, 1.0, 0.3)
    whole = schedule.mean(), schedule.rms()
    monkeypatch.setattr("lab.phase.voice.PORTION", portion)
    assert (schedule.mean(), schedule.rms()) == whole


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_what_cannot_be_matched_is_refused(low: float) -> None:
    with pytest.raises(PhaseError, match=r"mean: .* cannot be scaled to"):
        Schedule(Clock(10), "constant", low, low).matched_to(Constant(1.0))
    with pytest.raises(PhaseError, match="moment: 'median' is not accepted; expected mean or rms"):
        Constant(1.0).matched_to(Constant(2.0), "median")  # type: ignore[arg-type]


@given(schedules())
def test_configuration_comes_back_equal_and_exact(schedule: Schedule) -> None:
    again = Schedule.from_config(schedule.to_config())
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert again.table(40).tolist() == schedule.table(40).tolist()
    assert eval(repr(schedule), {"Schedule": Schedule, "Clock": Clock}) == schedule


def test_a_users_own_wave_cannot_go_into_a_file() -> None:
    with pytest.raises(PhaseError, match=r"wave: .* expected a named wave"):
        Schedule(Clock(10), wave=lambda phase: phase).to_config()


def test_a_clock_at_rest_holds_the_last_level() -> None:
    clock = Clock(period=10, cycles=2)
    assert Schedule(clock, "anneal", 0.0, 1.0)(20) == Schedule(clock, "anneal", 0.0, 1.0)(10**9) == 0.0
    assert Schedule(clock, "cosine", 0.0, 1.0)(20) == 1.0
    assert Schedule(clock, "sawtooth", 0.0, 1.0, offset=0.25)(20) == 0.75


@pytest.mark.parametrize("offset", [0.0, 0.1, 0.25, 0.7, -0.3])
@pytest.mark.parametrize("inverted", [False, True])
def test_crests_and_troughs_are_where_the_voices_own_level_is_one_and_zero(offset: float, inverted: bool) -> None:
    voice = Schedule(Clock(period=20), "cosine", 1.0, 3.0, offset, inverted)
    levels = voice.level(np.arange(100))
    assert list(voice.due("crest", 0, 100)) == np.flatnonzero(levels == 1.0).tolist()
    assert list(voice.due("trough", 0, 100)) == np.flatnonzero(levels == 0.0).tolist()
    product = voice.constant_product(1.0, 0.1, 1.0)
    assert list(product.due("crest", 0, 100)) == list(voice.due("trough", 0, 100))
    assert list(product.due("trough", 0, 100)) == list(voice.due("crest", 0, 100))


def test_the_trough_of_an_anneal_is_the_last_step_before_its_restart() -> None:
    anneal = Schedule(Clock(period=10, cycles=3, stretch=2), "anneal")
    assert list(anneal.due("trough", 0, 100)) == [9, 29, 69]
    assert list(anneal.shifted(0.5).due("trough", 0, 100)) == [4, 19, 49]
    assert list(anneal.anti_phase().due("crest", 0, 100)) == [9, 29, 69]


def test_every_cycle_has_its_crest_even_where_it_falls_between_two_cycles() -> None:
    assert list(Schedule(Clock(period=3), offset=0.1).due("crest", 0, 10)) == [3, 6, 9]


def test_a_phase_of_the_voices_own_wave_is_an_event() -> None:
    assert list(Schedule(Clock(period=100), offset=0.25).due(0.5, 0, 250)) == [25, 125, 225]


@pytest.mark.parametrize("event", ["crst", 1.0, -0.1, math.nan, True])
def test_an_event_that_does_not_exist_is_refused(event: Any) -> None:
    with pytest.raises(PhaseError, match="event: "):
        Schedule(Clock(10)).due(event, 0)


def test_what_never_turns_has_no_events() -> None:
    with pytest.raises(PhaseError, match="event: 'trough' is not accepted"):
        Schedule(Clock(10), "constant").due("trough", 0)
    with pytest.raises(PhaseError, match="event: 'crest' is not accepted"):
        Constant(1.0).due("crest", 0)


@given(ranges, st.floats(0, 1))
def test_a_follower_answers_a_measured_level_in_phase_or_anti_phase(bounds: list[float], level: float) -> None:
    low, high = bounds
    assert Follower("difficulty", low, high).value(level) == low + (high - low) * level
    assert Follower("difficulty", low, high, anti=True)(level) == high - (high - low) * level


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_a_follower_refuses_what_is_no_level(level: float) -> None:
    with pytest.raises(PhaseError, match=r"difficulty: .* expected a level from 0 to 1"):
        Follower("difficulty", 0.0, 1.0).value(level)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule(Clock(10), low=math.nan), "low: nan is not accepted; expected a finite number"),
        (lambda: Schedule(Clock(10), high=math.inf), "high: inf"),
        (lambda: Schedule(Clock(10), high=True), "high: True"),
        (lambda: Schedule(Clock(10), high="1e-3"), "high: '1e-3'"),
        (lambda: Schedule(Clock(10), low=2.0, high=1.0), "low: 2.0 is not accepted; expected a number of at most high"),
        (lambda: Schedule(Clock(10), low=-1.7e308, high=1.7e308), "low: -1.7e+308"),
        (lambda: Schedule(Clock(10), offset=math.nan), "offset: nan"),
        (lambda: Schedule(10), "clock: 10 is not accepted; expected a Clock"),
        (lambda: Schedule(Clock(10), inverted=1), "inverted: 1"),
        (lambda: Schedule(Clock(10))(-1), "step: -1"),
        (lambda: Schedule(Clock(10))(0.5), "step: 0.5"),
        (lambda: Schedule(Clock(10))(True), "step: True"),
        (lambda: Schedule(Clock(10))(2**62 + 1), "step: an integer of that size is not accepted; expected at most"),
        (lambda: Schedule(Clock(10)).table(-1), "steps: -1"),
        (lambda: Schedule(Clock(10)).table(1.5), "steps: 1.5"),
        (lambda: Schedule(Clock(10)).scaled(-1), "factor: -1 is not accepted; expected a number above 0"),
        (lambda: Schedule(Clock(10)).constant_product(1, 0, 1).scaled(0), "factor: 0"),
        (
            lambda: Schedule(Clock(10)).matched_to(5e-4),
            "other: 0.0005 is not accepted; expected a schedule, or a Constant",
        ),
        (lambda: Schedule(Clock(10**12)).mean(), "clock: no mean is taken over a cycle of 1,000,000,000,000 steps"),
        (lambda: Constant(10**400), "value: an integer of that size is not accepted; expected a finite number"),
        (lambda: Follower("x", 0, 1, anti="no"), "anti: 'no' is not accepted; expected true or false"),
        (lambda: Constant(math.nan), "value: nan"),
        (lambda: Schedule(Clock(10), low=-1.0).constant_product(1, 0, 1), "leader: "),
        (
            lambda: Schedule(Clock(10)).constant_product(0, 0, 1),
            "product: 0 is not accepted; expected a number above 0",
        ),
        (lambda: Schedule(Clock(10)).constant_product(1, 2, 1), "low: 2.0"),
        (lambda: Follower("x", 2, 1), "low: 2.0"),
        (lambda: Schedule.from_config({"wave": "cosine", "low": 0, "high": 1}), "clock: missing"),
        (lambda: Schedule.from_config({"low": 0, "high": 1}, Clock(10), "voices.a"), "voices.a.wave: missing"),
        (lambda: Schedule.from_config({"wave": "x", "low": 0, "high": 1}, Clock(1), "v"), "v.wave: unknown 'x'"),
        (lambda: Schedule.from_config({"wav": "x"}, Clock(1), "v"), "v.wav: unknown 'wav' (did you mean 'wave'?)"),
    ],
)
def test_bad_input_is_refused_by_field_value_and_what_is_accepted(make: Any, message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        make()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_numpy_steps_and_shapes() -> None:
    schedule = Schedule(Clock(period=4), "triangle")
    assert type(schedule(np.int64(1))) is float
    assert schedule(np.arange(6).reshape(2, 3)).shape == schedule.level(np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert schedule(np.empty(0, dtype=np.int64)).shape == (0,)
    assert schedule(np.array(2)).shape == ()
    assert Constant(1.0)(np.arange(3)).tolist() == [1.0, 1.0, 1.0]


def test_constant_product_shows_and_compares_like_the_rest() -> None:
    one = Schedule(Clock(10), low=0.1).constant_product(1, 0, 1)
    assert one == ConstantProduct(Schedule(Clock(10), low=0.1), 1.0, 0.0, 1.0)
    assert one.shifted(0.25).leader.offset == 0.25
    assert one.clock == Clock(10)

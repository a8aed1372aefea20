"""Open-loop pacing: a pure function of the step, from low to high, on the engine's clocks."""

import math
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.pacing import Cosine, Cyclic, Linear, Pacing, Staircase, Wave
from lab.errors import UserError
from lab.phase import Clock, Schedule

RAMPS = [Linear, Cosine, Staircase]
ranges = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@pytest.mark.parametrize("kind", RAMPS)
@given(
    start=st.integers(0, 10_000), length=st.integers(1, 10_000), bounds=ranges, steps=st.lists(st.integers(0, 30_000))
)
def test_a_ramp_rises_from_low_to_high_and_stays(
    kind: type, start: int, length: int, bounds: list, steps: list
) -> None:
    low, high = bounds
    ramp = kind(stop=start + length, start=start, low=low, high=high)
    assert ramp(0) == ramp(start) == low
    assert ramp(start + length) == ramp(start + length + 10**9) == high
    values = [ramp(step) for step in sorted(steps)]
    assert all(low <= value <= high for value in values)
    assert all(b >= a - 1e-12 for a, b in pairwise(values))


def test_the_shapes() -> None:
    assert [Linear(stop=40, start=20)(step) for step in (10, 20, 25, 30, 40)] == [0.0, 0.0, 0.25, 0.5, 1.0]
    for step in range(41):
        assert Cosine(stop=40)(step) == pytest.approx((1 - math.cos(math.pi * step / 40)) / 2, abs=1e-12)
    stairs = [Staircase(stop=100, levels=4, low=0.1, high=0.7)(step) for step in range(120)]
    assert sorted({round(s, 12) for s in stairs}) == [0.1, 0.3, 0.5, 0.7]
    assert [stairs.count(value) for value in dict.fromkeys(stairs)] == [25, 25, 25, 45]


def test_any_wave_paces_and_can_come_back_to_the_easy_tasks() -> None:
    wave = Wave(Schedule(Clock(period=100), wave="triangle", low=0.2, high=1.0, offset=0.5))
    assert [wave(step) for step in (0, 50, 100, 150)] == pytest.approx([0.2, 1.0, 0.2, 1.0])


EVERY: list[Pacing] = [
    Linear(stop=1000, start=10, low=0.1, high=0.9),
    Cosine(stop=1000),
    Staircase(stop=77, levels=3),
    Wave(Schedule(Clock(period=50), wave="anneal", low=0.0, high=0.5, offset=0.25)),
]


@pytest.mark.parametrize("pacing", EVERY, ids=repr)
def test_a_pacing_survives_pickle(pacing: Pacing) -> None:
    again = pickle.loads(pickle.dumps(pacing))
    assert again == pacing
    assert [again(step) for step in range(100)] == [pacing(step) for step in range(100)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(stop=10, start=10), "stop is 10; accepted: a step after start, 10"),
        (lambda: Linear(stop=0), "stop is 0; accepted: a whole number of at least 1"),
        (lambda: Linear(stop=1e3), "stop is 1000.0; accepted: a whole number"),
        (lambda: Linear(stop=10, low=0.6, high=0.5), r"low is 0.6; accepted: a number in \[0, high = 0.5\]"),
        (lambda: Linear(stop=10, high=1.5), r"high is 1.5; accepted: a number in \[0, 1\]"),
        (lambda: Staircase(stop=10, levels=1), "levels is 1; accepted: a whole number of at least 2"),
        (lambda: Wave(Schedule(Clock(period=5), high=2.0)), "high is 2.0"),
    ],
)
def test_mistakes_are_one_clear_line(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@given(
    period=st.integers(1, 500),
    stop=st.integers(1, 5000),
    ends=st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    step=st.integers(0, 9000),
)
def test_a_cyclic_plan_is_a_wave_under_a_crest_that_rises_straight(
    period: int, stop: int, ends: list, step: int
) -> None:
    low, first, high = ends
    wave = Schedule(Clock(period=period), offset=0.5)
    plan = Cyclic(wave, stop, low, first, high)
    crest = first + (high - first) * min(step / stop, 1.0)
    assert plan.crest(step) == pytest.approx(crest)
    assert plan(step) == pytest.approx(low + (crest - low) * wave(step))
    assert low <= plan(step) <= high


def test_every_cycle_of_a_cyclic_plan_comes_back_and_goes_further() -> None:
    plan = Cyclic(Schedule(Clock(period=100), offset=0.5), stop=1000, low=0.1, first=0.3, high=0.9)
    assert [plan(step) for step in range(0, 1001, 100)] == pytest.approx([0.1] * 11)
    crests = [plan(step) for step in range(50, 1050, 100)]
    assert crests == pytest.approx([0.3 + 0.6 * step / 1000 for step in range(50, 1050, 100)])
    assert plan(5050) == 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop": 0}, "stop is 0; accepted: a whole number of at least 1"),
        ({"stop": 5, "low": 0.4, "first": 0.2}, r"first is 0.2; accepted: a number in \[0.4, 1\]"),
        (
            {"stop": 5, "wave": Schedule(Clock(period=5), high=0.5)},
            "wave is from 0.0 to 0.5; accepted: a schedule from",
        ),
    ],
)
def test_what_is_no_cyclic_plan_is_refused(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        Cyclic(**{"wave": Schedule(Clock(period=5)), **options})

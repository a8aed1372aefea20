"""Open-loop pacing: a pure function of the step, from low to high, on the engine's clocks."""

import math
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.pacing import Cosine, Linear, Pacing, Staircase, Wave
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

"""Swings of known period, phase and growth are found as they are; columns that do not swing have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.diagnostics.oscillation import (
    against,
    amplitudes,
    coherence_by_chance,
    dominant,
    growth,
    share_by_chance,
    spectrum,
)


def sine(period, steps, spacing=1.0, phase=0.0):
    return np.sin(2 * np.pi * (np.arange(0, steps, spacing) / period + phase))


@given(
    st.floats(12.0, 200.0),
    st.floats(0.0, 1.0),
    st.floats(-3.0, 3.0),
    st.sampled_from([1.0, 5.0]),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_the_period_of_a_noisy_swing_on_a_trend_is_found(period, phase, slope, spacing, seed):
    swing = 2.0 * sine(period * spacing, 2000 * spacing, spacing, phase)
    column = swing + slope * np.linspace(0, 1, 2000) + np.random.default_rng(seed).normal(0, 0.3, 2000)
    found = dominant(column, spacing)
    assert found.period == pytest.approx(period * spacing, rel=0.02)
    assert found.amplitude == pytest.approx(2.0, rel=0.1)
    assert found.share > 0.8


@pytest.mark.parametrize(
    "column",
    [np.ones(100), np.arange(100.0), np.arange(5.0), np.full(100, np.nan), sine(100, 120)],
    ids=["constant", "trend", "short", "nan", "one swing"],
)
def test_a_column_that_does_not_swing_has_no_period(column):
    found = dominant(column)
    assert found is None or found.share < 0.5


@given(st.floats(-0.45, 0.45), st.sampled_from([20.0, 33.3, 50.0]), st.floats(0.1, 10.0))
@settings(deadline=None)
def test_a_copy_that_comes_later_is_coherent_and_lags_by_as_much(lag, period, scale):
    leader = sine(period, 1000)
    found = against(scale * sine(period, 1000, phase=-lag) + 3.0, leader, period)
    assert found.coherence > 0.99
    assert found.locking > 0.99
    assert found.lag == pytest.approx(lag, abs=0.02)


def test_noise_is_not_coherent_with_the_clock():
    noise = np.random.default_rng(0).normal(size=4000)
    found = against(noise, sine(50, 4000), 50)
    assert found.coherence < 0.2
    assert found.locking < 0.3


@pytest.mark.parametrize("rate", [-0.002, 0.0, 0.001, 0.01])
def test_the_growth_of_a_swing_is_what_it_grows_by(rate):
    steps = np.arange(1000)
    slope, error = growth(np.exp(rate * steps) * sine(40, 1000), 40)
    assert slope == pytest.approx(rate, abs=3e-4 + 0.03 * abs(rate))
    assert error < 1e-3


@pytest.mark.parametrize("period", [1.0, 400.0, float("nan")])
def test_too_few_cycles_say_nothing(period):
    assert growth(sine(40, 1000), period) is None
    assert against(sine(40, 1000), sine(40, 1000), period) is None


def test_chance_is_passed_by_swings_and_rarely_by_noise():
    random = np.random.default_rng(5)
    noises = [random.normal(size=100) for _ in range(40)]
    passed = [found is not None and found.share > share_by_chance(each) for each in noises if (found := dominant(each))]
    assert sum(passed) <= 6  # 2 are expected
    swings = [noise + 2 * sine(20, 100) for noise in noises[:5]]
    assert all(dominant(each).share > share_by_chance(each) for each in swings)


def test_a_smooth_column_has_more_to_pass():
    random = np.random.default_rng(6)
    rough = random.normal(size=100)
    smooth = np.convolve(random.normal(size=119), np.ones(20), mode="valid")
    assert share_by_chance(smooth) > 1.5 * share_by_chance(rough)
    assert share_by_chance(np.ones(100)) == 0


@pytest.mark.parametrize("cycles", [3, 6, 20])
def test_unrelated_columns_reach_the_coherence_of_chance_in_one_of_twenty(cycles):
    random = np.random.default_rng(7)
    pairs = [random.normal(size=(2, 10 * cycles)) for _ in range(600)]
    above = [against(one, other, 10.0).coherence > coherence_by_chance(cycles) for one, other in pairs]
    assert 0.02 < np.mean(above) < 0.09


def test_the_spectrum_has_its_peak_at_the_period_and_sums_to_one():
    periods, shares = spectrum(sine(50, 1000, 5.0), 5.0)
    assert periods[np.argmax(shares)] == pytest.approx(50)
    assert shares.sum() == pytest.approx(1)
    assert (periods[0], periods[-1]) == (1000, 10)
    assert spectrum(np.ones(100)) is None


def test_the_amplitude_of_each_cycle():
    column = np.exp(0.01 * np.arange(100)) * sine(10, 100)
    found = amplitudes(column, 10.0)
    assert len(found) == 10
    assert found[1:] / found[:-1] == pytest.approx(np.full(9, np.exp(0.1)), rel=0.05)
    assert amplitudes(column, 40.0) is None


@pytest.mark.parametrize(
    "drift", [lambda t: 30 * np.exp(-t / 300), lambda t: 10.0 * (t > 600), lambda t: (t / 300) ** 3]
)
def test_a_drift_seems_to_follow_nothing(drift):
    random = np.random.default_rng(8)
    steps = np.arange(1000.0)
    found = [against(drift(steps) + random.normal(0, 1, 1000), sine(100, 1000), 100.0).coherence for _ in range(40)]
    assert np.mean(np.array(found) > coherence_by_chance(10)) < 0.2


def test_a_drift_hides_no_swing():
    steps = np.arange(1000.0)
    column = 30 * np.exp(-steps / 300) + sine(100, 1000, phase=-0.25) + np.random.default_rng(9).normal(0, 0.3, 1000)
    found = against(column, sine(100, 1000), 100.0)
    assert found.lag == pytest.approx(0.25, abs=0.02)
    assert found.coherence > 0.9
    assert amplitudes(column, 100.0) == pytest.approx(np.ones(10), abs=0.35)
    swing = dominant(column)
    assert swing.period == pytest.approx(100, rel=0.02)
    assert swing.amplitude == pytest.approx(1.0, abs=0.1)
    assert swing.share > share_by_chance(column)
    fall = dominant(30 * np.exp(-steps / 300) + np.random.default_rng(9).normal(0, 0.3, 1000))
    assert fall.share < share_by_chance(column)


def test_columns_of_other_periods_do_not_go_together():
    column = (-1.0) ** np.arange(200)
    assert against(column, sine(20, 200), 20.0) is None
    assert against(1e100 * sine(20, 200), 1e100 * sine(20, 200), 20.0).coherence == pytest.approx(1)

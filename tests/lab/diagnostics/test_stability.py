"""Stability maps, where their tongues lie, and which periods are recommended."""

import doctest
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.diagnostics import stability as module
from lab.diagnostics.floquet import Method, cosine_rates, floquet
from lab.diagnostics.games import Bilinear, Dirac, Linear, Quadratic
from lab.diagnostics.stability import half_turn, natural_period, safe_periods, sampled, stability_map

BILINEAR = Bilinear()


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([BILINEAR, Quadratic(0.1), Dirac(0.3), Linear.of_spectrum([-0.1 + 1j, 0.4j])]),
    st.sampled_from([Method(), Method("simultaneous"), Method(momentum=-0.3)]),
    st.lists(st.floats(0, 1.5), min_size=1, max_size=3),
    st.lists(st.integers(1, 512), min_size=1, max_size=3),
    st.lists(st.floats(-1, 2), min_size=1, max_size=3),
)
def test_every_cell_of_the_map_is_its_own_cycle(game, method, modulations, periods, offsets):
    found = stability_map(game, 0.1, modulations, periods, offsets, method)
    assert found.periods.tolist() == periods
    for m, p, o in np.ndindex(found.growth.shape):
        alone = floquet(game, *cosine_rates(0.1, modulations[m], periods[p], [offsets[o], 0.0]), method)
        assert found.growth[m, p, o] == pytest.approx(alone.growth_per_step, abs=2e-8)  # a border's √ε, a step


@pytest.mark.parametrize("period", [513, 800, 5_000, 60_001])
def test_a_long_cycle_is_sampled_closely(period):
    lr = 20 / period  # about three rotations a cycle
    found = stability_map(Quadratic(0.2), lr, [0.8], [period], [0.3], Method("simultaneous"))
    assert found.periods[0] == pytest.approx(period, rel=0.002)
    rates = cosine_rates(lr, 0.8, int(found.periods[0]), [0.3, 0.0])
    exact = floquet(Quadratic(0.2), *rates, Method("simultaneous"))
    assert found.growth[0, 0, 0] == pytest.approx(exact.growth_per_step, rel=2e-3)


@given(st.integers(1, 10**9))
def test_sampling_hardly_changes_the_period(period):
    samples, doublings = sampled(period)
    assert samples <= 512
    assert abs(samples * 2**doublings - period) <= period / 500
    assert period > 512 or (samples, doublings) == (period, 0)


def test_a_map_takes_seconds():
    started = time.process_time()
    stability_map(BILINEAR, 0.1, [0.8], np.linspace(4, 400, 64).round().astype(int), np.arange(32) / 32)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("modulation", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("offset", [0.1, 0.25, 0.4, 0.5])
def test_tongues_lie_at_multiples_of_half_a_rotation_and_nowhere_else(modulation, offset):
    """At k·P₁, within an eighth of P₁: none at a third, a quarter, … of the natural period."""
    periods = np.arange(4, 230)
    found = stability_map(BILINEAR, 0.1, [modulation], periods, [offset])
    grows = np.flatnonzero(np.diff(np.concatenate([[0], found.growth[0, :, 0] > 1e-6, [0]]).astype(int)))
    middles = (periods[grows[::2]] + periods[np.minimum(grows[1::2] - 1, len(periods) - 1)]) / 2
    multiples = middles / found.halves[0, 0]
    assert multiples[0] == pytest.approx(1, abs=0.06)
    assert np.abs(multiples - multiples.round()).max() < 0.15


def test_a_rotation_takes_two_pi_over_frequency_and_rate():
    assert natural_period(BILINEAR, 0.1) == pytest.approx(2 * np.pi / 0.1)
    assert natural_period(Dirac(0.6), 0.1) == pytest.approx(2 * np.pi / (0.4 * 0.1))
    assert natural_period(Dirac(1.0), 0.1) == np.inf
    assert natural_period(BILINEAR, 0.1, Method(momentum=-0.5)) == pytest.approx(1.5 * 2 * np.pi / 0.1)
    assert half_turn(BILINEAR, 0.1, 0.8, 0.0) == pytest.approx(np.pi / 0.1)  # in phase the mean rate counts
    # In anti-phase √(1 − M²cos²) on the average: an elliptic integral.
    phase = (np.arange(10_000) + 0.5) / 10_000
    mean = np.sqrt(1 - (0.8 * np.cos(2 * np.pi * phase)) ** 2).mean()
    assert half_turn(BILINEAR, 0.1, 0.8, 0.5) == pytest.approx(np.pi / 0.1 / mean, rel=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.01, 0.2), st.floats(0.02, 0.3), st.floats(0.3, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_what_is_recommended_for_a_stable_game_keeps_it_stable(damping, lr, modulation, offset, where):
    game = Quadratic(damping)
    safe = safe_periods(game, lr, modulation, offset)
    if safe.low is None:
        return
    period = round(safe.low + where * (safe.high - safe.low))
    alone = floquet(game, *cosine_rates(lr, modulation, period, [offset, 0.0]))
    assert alone.verdict == "stable"


def test_slow_cycles_are_recommended_against_a_rotation_of_63_steps():
    safe = safe_periods(Quadratic(0.1), 0.1, 0.9, 0.5)
    assert 63 < safe.low < 200
    assert safe.high > 400
    assert "this slow" in safe.why
    assert "rotation of 63 steps" in safe.why
    assert "3.7 % a step" in safe.why


def test_fast_cycles_are_recommended_where_slow_ones_keep_their_tongues():
    safe = safe_periods(BILINEAR, 0.1, 0.95, 0.5)
    assert safe.low == 4
    assert 15 < safe.high < 31
    assert "this fast" in safe.why


def test_constant_rates_make_every_period_safe():
    safe = safe_periods(BILINEAR, 0.1, 0.0, 0.5)
    assert safe.low == 4
    assert safe.high > 400


def test_no_period_is_recommended_for_a_game_that_diverges():
    safe = safe_periods(BILINEAR, 0.1, 0.8, 0.5, Method("simultaneous"))
    assert safe.low is None
    assert safe.high is None
    assert "constant rates already grow 0.5 % a step" in safe.why


def test_the_recommendation_scales_with_the_rates():
    """A hundredth of the rate: a hundred times the period, and as quick to find."""
    fast, slow = safe_periods(Quadratic(0.1), 0.02, 0.9, 0.5), safe_periods(Quadratic(0.1), 0.0002, 0.9, 0.5)
    assert slow.low / fast.low == pytest.approx(100, rel=0.05)


def test_a_game_in_which_nothing_moves_is_safe():
    assert safe_periods(Linear(np.zeros((2, 2)), 1), 0.1, 0.8, 0.5).low == 4


def test_every_recommendation_is_one_sentence():
    for game in (BILINEAR, Quadratic(0.1), Dirac(0.3), Dirac(2.0)):
        for modulation in (0.0, 0.5, 0.95, 1.5):
            for method in (Method(), Method("simultaneous")):
                why = safe_periods(game, 0.1, modulation, 0.5, method).why
                assert why.endswith(".")
                assert "\n" not in why


def test_the_examples_are_true():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("lr", "modulation", "offset"), [(0.1, 0.6, 0.0), (0.02, 0.3, 0.1)])
def test_no_recommended_period_lies_in_a_tongue(lr, modulation, offset):
    """Of a neutral game, whose tongues are thin: the strongest lay between the periods that were looked at."""
    safe = safe_periods(BILINEAR, lr, modulation, offset)
    every = np.arange(safe.low, safe.high + 1)
    growth = stability_map(BILINEAR, lr, [modulation], every, [offset]).growth[0, :, 0]
    assert growth.max() <= 0.0105 / natural_period(BILINEAR, lr)

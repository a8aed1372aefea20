"""Smoothing and averaging: the numbers behind every curve."""

import numpy as np
import pytest

from lab.reports.series import average, smooth


def test_smoothing_keeps_a_straight_line_and_its_length() -> None:
    values = np.linspace(0.0, 1.0, 50)
    np.testing.assert_allclose(smooth(values, 7)[3:-3], values[3:-3])
    assert len(smooth(values, 7)) == 50


def test_a_value_that_is_not_finite_is_left_out_of_its_neighbours_mean() -> None:
    smoothed = smooth(np.array([1.0, np.nan, 1.0, 1.0, np.inf, 1.0]), 3)
    np.testing.assert_allclose(smoothed, 1.0)


def test_the_mean_of_runs_lies_inside_its_interval_and_the_interval_inside_their_range() -> None:
    steps = np.arange(10)
    curve = average([(steps, np.full(10, float(level))) for level in (1, 2, 6)])
    assert curve is not None
    np.testing.assert_allclose(curve.mean, 3.0)
    assert np.all((curve.low == 1.0) & (curve.high == 6.0))


def test_a_mean_ends_where_the_first_of_its_runs_does() -> None:
    """Of the survivors alone it would leap to them: here from 0.5 to 0."""
    curve = average([(np.arange(4), np.zeros(4)), (np.arange(2), np.ones(2))])
    assert curve is not None
    assert curve.steps.tolist() == [0, 1]
    np.testing.assert_allclose(curve.mean, [0.5, 0.5])


@pytest.mark.parametrize("runs", [4, 5, 10])
def test_a_band_holds_the_true_mean_as_often_as_it_says(runs: int) -> None:
    draw, steps = np.random.default_rng(runs), np.arange(4000)
    curve = average([(steps, draw.normal(size=len(steps))) for _ in range(runs)])
    assert curve is not None
    assert np.mean((curve.low <= 0) & (curve.high >= 0)) == pytest.approx(0.95, abs=0.012)


def test_the_band_of_two_or_three_runs_is_their_range() -> None:
    curve = average([(np.arange(3), np.full(3, level)) for level in (1.0, 4.0)])
    assert curve is not None
    assert (curve.low.tolist(), curve.high.tolist()) == ([1.0] * 3, [4.0] * 3)


def test_nothing_logged_is_no_curve() -> None:
    assert average([(np.empty(0, np.int64), np.empty(0))]) is None

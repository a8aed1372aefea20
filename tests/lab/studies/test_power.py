"""The power of the paired t-test against simulation and the literature's table, and what is solved from it."""

import math

import numpy as np
import pytest
from scipy import stats

from lab.studies.power import detectable_effect, mean_power, seeds_for_mean


def test_the_power_is_the_share_of_simulated_studies_that_show_the_effect() -> None:
    gains = np.random.default_rng(1).normal(0.8, 1, size=(20_000, 10))
    shown = stats.ttest_1samp(gains, 0, axis=1, alternative="greater").pvalue < 0.05
    assert mean_power(10, 0.8, 0.05) == pytest.approx(shown.mean(), abs=0.01)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 156), (0.5, 27), (0.8, 12)])
def test_cohens_small_medium_and_large_effects_need_the_pairs_of_his_tables(effect: float, pairs: int) -> None:
    """One-sided, α = .05, power .8; the numbers are G*Power's for matched pairs."""
    gains = np.array([-1.0, 1.0]) / math.sqrt(2) + effect  # of mean `effect` and standard deviation 1
    assert seeds_for_mean(gains, 0.05) == pairs


@pytest.mark.parametrize("pairs", [2, 5, 10, 32])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_detectable_effect_has_the_power(pairs: int, alpha: float) -> None:
    found = detectable_effect(pairs, alpha)
    assert mean_power(pairs, found, alpha) == pytest.approx(0.8)
    assert mean_power(pairs, 0.9 * found, alpha) < 0.8


def test_one_pair_detects_nothing() -> None:
    assert math.isnan(detectable_effect(1, 0.05))

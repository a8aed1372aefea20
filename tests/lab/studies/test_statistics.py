import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lab.errors import UserError
from lab.studies.statistics import (
    bootstrap_interval,
    holm,
    improvement_interval,
    iqm,
    paired_effect_size,
    paired_permutation_test,
    probability_of_improvement,
    smallest_p,
)

numbers = st.floats(-100, 100, allow_nan=False)
samples = arrays(np.float64, st.integers(2, 9), elements=numbers)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3], 3), ([1, 2], 1.5), ([0, 8, 8, 8], 8), ([0, 0, 8, 8, 8, 8, 8, 8], 8), ([1, 2, 3, 4, 100], 3)],
)
def test_iqm_cuts_a_whole_quarter_at_each_end(values, expected):
    assert iqm(values) == expected


@given(samples)
def test_iqm_lies_within_the_sample_and_ignores_order(x):
    assert x.min() - 1e-9 <= iqm(x) <= x.max() + 1e-9
    assert iqm(x) == pytest.approx(iqm(x[::-1]))


@given(arrays(np.float64, st.integers(1, 8), elements=numbers), st.sampled_from(["two-sided", "greater", "less"]))
@settings(max_examples=60, deadline=None)
def test_exact_p_equals_scipys(d, alternative):
    d = np.round(d, 3)
    ours = paired_permutation_test(d, np.zeros_like(d), alternative, rng=rng())
    if d.size == 1:
        # SciPy refuses a single pair; with two sign patterns the answer is known.
        expected = 1.0 if alternative == "two-sided" or d[0] == 0 or (d[0] > 0) != (alternative == "greater") else 0.5
    else:
        expected = stats.permutation_test(
            (d, np.zeros_like(d)),
            lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
            alternative=alternative,
        ).pvalue
    assert ours.exact
    assert ours.p == pytest.approx(min(1.0, expected))


@pytest.mark.parametrize("n", [1, 3, 5, 10, 16])
def test_smallest_p_is_all_signs_alike(n):
    found = paired_permutation_test(np.arange(1, n + 1) / 7, np.zeros(n), "greater", rng=rng())
    assert found.p == 2.0**-n == smallest_p(n)
    assert found.effect == pytest.approx((n + 1) / 14)


def test_equal_arms_show_nothing():
    found = paired_permutation_test([8.0] * 6, [8.0] * 6, "greater", rng=rng())
    assert (found.p, found.effect, found.interval) == (1.0, 0.0, (0.0, 0.0))


@given(samples, samples)
@settings(max_examples=40, deadline=None)
def test_swapping_the_arms_swaps_the_alternatives(a, b):
    n = min(a.size, b.size)
    a, b = a[:n], b[:n]
    forward, backward = (paired_permutation_test(*pair, rng=rng()) for pair in ((a, b), (b, a)))
    assert forward.p == backward.p
    assert forward.effect == -backward.effect
    assert paired_permutation_test(a, b, "greater", rng=rng()).p == paired_permutation_test(b, a, "less", rng=rng()).p


def test_many_pairs_are_sampled_and_agree_with_the_t_test_on_normal_data():
    d = np.random.default_rng(1).normal(0.3, 1, size=40)
    found = paired_permutation_test(d, np.zeros(40), "greater", rng=rng())
    assert not found.exact
    assert found.p == pytest.approx(stats.ttest_1samp(d, 0, alternative="greater").pvalue, abs=0.01)


def test_a_sampled_p_is_never_zero():
    assert paired_permutation_test(np.ones(30), np.zeros(30), "greater", rng=rng(), resamples=999).p == 0.001


def test_rejects_a_true_null_no_more_often_than_alpha():
    draw = np.random.default_rng(3)
    p = [paired_permutation_test(x, np.zeros(8), "greater", rng=rng()).p for x in draw.normal(size=(60, 8))]
    # 60 draws of a uniform p: more than 9 below 0.05 has a chance under 1e-3.
    assert sum(value < 0.05 for value in p) <= 9


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_interval_is_scipys_bca_where_that_is_defined(level):
    x = np.random.default_rng(2).exponential(size=30)
    found = stats.bootstrap((x,), np.mean, confidence_level=level, method="BCa", n_resamples=9_999, rng=rng())
    assert bootstrap_interval(x, confidence=level, rng=rng()) == pytest.approx(tuple(found.confidence_interval))


@pytest.mark.parametrize(("seeds", "covered"), [(5, 0.8), (10, 0.9), (20, 0.93)])
def test_interval_covers_the_truth_as_often_as_pages_say(seeds, covered):
    draw = np.random.default_rng(5)
    hits = 0
    for x in draw.normal(1.0, 2.0, size=(300, seeds)):
        low, high = bootstrap_interval(x, resamples=999, rng=draw)
        hits += low <= 1.0 <= high
    assert hits / 300 == pytest.approx(covered, abs=0.06)


@given(samples, st.sampled_from([np.mean, iqm]))
@settings(max_examples=40, deadline=None)
def test_interval_is_finite_ordered_and_within_the_sample(x, statistic):
    low, high = bootstrap_interval(x, statistic, resamples=199, rng=rng())
    assert x.min() - 1e-9 <= low <= high <= x.max() + 1e-9


def test_interval_of_degenerate_samples():
    assert all(math.isnan(end) for end in bootstrap_interval([3.0], rng=rng()))
    assert bootstrap_interval([8.0, 8.0, 8.0], rng=rng()) == (8.0, 8.0)
    low, high = bootstrap_interval([8.0, 8.0, 8.0, 8.0, 0.0], iqm, rng=rng())
    assert low < high <= 8.0


def test_a_wider_confidence_gives_a_wider_interval():
    x = np.random.default_rng(4).normal(size=12)
    narrow, wide = (bootstrap_interval(x, confidence=c, rng=rng()) for c in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: iqm([]), "no values"),
        (lambda: bootstrap_interval([1, float("nan")], rng=rng()), "non-finite"),
        (lambda: bootstrap_interval([1, 2], confidence=95, rng=rng()), "confidence is 95"),
        (lambda: paired_permutation_test([1, 2], [1], rng=rng()), "one length"),
        (lambda: paired_permutation_test([1], [2], "more", rng=rng()), "'more'"),
    ],
)
def test_bad_samples_are_named(call, words):
    with pytest.raises(UserError, match=words):
        call()


def test_holm_on_the_textbook_example():
    # Holm's own step-down: 4 x .005, 3 x .01, 2 x .03 (lifted to no less), then .04 lifted to .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_never_lowers_p_and_keeps_the_order(p):
    adjusted = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, adjusted, strict=True))
    assert [a for _, a in sorted(zip(p, adjusted, strict=True))] == sorted(adjusted)
    assert min(adjusted) == pytest.approx(min(1, len(p) * min(p)))


@given(samples, samples)
def test_the_probability_of_improvement_is_scipys_u_over_the_pairs(a, b):
    a, b = np.round(a), np.round(b)  # so that there are ties
    expected = stats.mannwhitneyu(a, b).statistic / (a.size * b.size)
    assert probability_of_improvement(a, b) == pytest.approx(expected)
    assert probability_of_improvement(a, b, "lower") == pytest.approx(1 - expected)


def test_a_run_that_failed_beats_none() -> None:
    assert probability_of_improvement([1.0, math.nan], [0.0, 0.0]) == 0.5
    assert probability_of_improvement([math.nan], [math.nan], "lower") == 0.5
    assert probability_of_improvement([math.nan], [5.0], "lower") == 0.0


def test_the_interval_of_the_probability_of_improvement_is_scipys_percentile_bootstrap() -> None:
    draw = np.random.default_rng(6)
    a, b = draw.normal(0.5, 1, size=12), np.round(draw.normal(size=9), 1)
    expected = stats.bootstrap(
        (a, b),
        lambda x, y: probability_of_improvement(x, y),
        vectorized=False,
        method="percentile",
        n_resamples=4_999,
        rng=rng(),
    ).confidence_interval
    found = improvement_interval(a, b, rng=rng())
    assert found == pytest.approx(tuple(expected), abs=0.02)
    assert found.low < probability_of_improvement(a, b) < found.high
    turned = improvement_interval(a, b, "lower", rng=rng())
    assert turned == pytest.approx((1 - found.high, 1 - found.low), abs=0.02)


def test_the_interval_of_the_probability_of_improvement_covers_the_truth() -> None:
    draw, hits = np.random.default_rng(8), 0
    truth = stats.norm.cdf(0.8 / math.sqrt(2))
    for _ in range(200):
        low, high = improvement_interval(draw.normal(0.8, 1, 20), draw.normal(size=20), resamples=499, rng=draw)
        hits += low <= truth <= high
    assert 0.88 <= hits / 200 <= 0.98


def test_the_interval_of_the_probability_of_improvement_at_its_ends() -> None:
    assert improvement_interval([3, 4, 5], [0, 1], rng=rng()) == (1.0, 1.0)
    assert improvement_interval([1, 1, 1], [1, 1], rng=rng()) == (0.5, 0.5)
    assert all(math.isnan(end) for end in improvement_interval([3], [0, 1], rng=rng()))
    low, high = improvement_interval([math.nan, 1.0, 1.0, 1.0], [0.0, 0.5], rng=rng())
    assert low < 0.75 < high <= 1.0


@given(samples, samples)
def test_the_effect_size_of_pairs_is_their_t_over_the_root_of_their_number(a, b):
    n = min(a.size, b.size)
    difference = a[:n] - b[:n]
    if np.std(difference) < 1e-6:
        return
    t = stats.ttest_rel(a[:n], b[:n]).statistic
    assert paired_effect_size(a[:n], b[:n]) == pytest.approx(t / math.sqrt(n), rel=1e-9)
    assert paired_effect_size(b[:n], a[:n]) == -paired_effect_size(a[:n], b[:n])


def test_the_effect_size_of_pairs_that_all_differ_alike() -> None:
    assert paired_effect_size([2.0, 3.0], [1.0, 2.0]) == math.inf
    assert paired_effect_size([1.0, 2.0], [2.0, 3.0]) == -math.inf
    assert paired_effect_size([1.0, 2.0], [1.0, 2.0]) == 0
    assert math.isnan(paired_effect_size([1.0], [0.0]))

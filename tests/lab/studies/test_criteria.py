"""Success rates and quantiles over seeds: exact against enumeration, covered, and with the power that they promise."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from lab.errors import UserError
from lab.studies.criteria import CRITERIA, MeanScore, QuantileScore, SuccessRate
from lab.studies.model import load_study
from lab.studies.page import markdown
from lab.studies.paired import paired_proportions_test, paired_swap_test
from lab.studies.power import fewest_pairs, mcnemar_power, seeds_for_mean, seeds_for_proportions
from lab.studies.result import TrialResult
from lab.studies.sentences import verdict_line
from lab.studies.statistics import paired_permutation_test
from lab.studies.summary import summarise
from lab.studies.tables import arms_table

COLLAPSING = [0.9, 0.1, 0.92, 0.88, 0.05, 0.9, 0.91, 0.12, 0.9, 0.2]
STEADY = [0.8, 0.82, 0.81, 0.8, 0.79, 0.8, 0.82, 0.8, 0.81, 0.8]
NUMBERS = st.integers(-300, 300).map(lambda n: n / 100)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def study(tmp_path, criterion, **changes):
    lines = {
        "hypothesis": "b",
        "trainer": "gan",
        "preset": "ring",
        "seeds": 10,
        "metric": "good",
        "direction": "higher",
        "arms": "{a: {}, b: {}}",
        "compare": "[[b, a]]",
        "criterion": criterion,
        **changes,
    }
    path = tmp_path / "s.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return load_study(path)


def trials(**arms):
    return [
        TrialResult(arm, seed, "failed", "it is nan")
        if value is None
        else TrialResult(arm, seed, "finished", scores={"good": value})
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_swapping_pairs_of_a_mean_is_the_sign_flip_test(pairs, higher):
    a, b = map(list, zip(*pairs, strict=True))
    swap = paired_swap_test(a, b, np.mean, higher=higher, rng=rng())
    flip = paired_permutation_test(a, b, "greater" if higher else "less", rng=rng())
    assert (swap.p, swap.effect) == (pytest.approx(flip.p), pytest.approx(flip.effect))
    assert swap.p_opposite == pytest.approx(flip.p_opposite)


def test_the_quantile_test_counts_every_swap():
    draw = rng(3)
    a, b = draw.normal(0.7, 1, 7), draw.normal(0, 1, 7)
    observed = np.quantile(a, 0.25) - np.quantile(b, 0.25)
    count = 0
    for swaps in itertools.product((False, True), repeat=7):
        one, other = np.where(swaps, b, a), np.where(swaps, a, b)
        count += np.quantile(one, 0.25) - np.quantile(other, 0.25) >= observed - 1e-12
    found = QuantileScore(at=0.25).compare(a, b, "higher", 0.95, rng())
    assert (found.p, found.exact) == (count / 2**7, True)
    assert found.effect == pytest.approx(observed)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_test_of_success_rates_is_mcnemars(pairs):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    found = paired_proportions_test(a, b)
    one, other = int((a & ~b).sum()), int((b & ~a).sum())
    expected = binomtest(one, one + other, 0.5, alternative="greater").pvalue if one + other else 1.0
    assert found.p == pytest.approx(expected)
    assert found.interval.low <= found.effect <= found.interval.high or min(one, other) == 0
    assert -1 <= found.interval.low <= found.interval.high <= 1


@pytest.mark.parametrize(("n", "shares"), [(10, (0.4, 0.1)), (10, (0.7, 0.0)), (30, (0.2, 0.2)), (20, (0.05, 0.3))])
def test_the_interval_of_a_difference_of_rates_covers_it(n, shares):
    draw, covered = rng(n), 0
    for _ in range(600):
        kind = draw.choice(3, n, p=(*shares, 1 - sum(shares)))
        low, high = paired_proportions_test(kind == 0, kind == 1).interval
        covered += low <= shares[0] - shares[1] <= high
    assert covered / 600 >= 0.93


def test_the_exact_test_holds_its_level_and_its_power():
    draw = rng(5)
    wins = draw.choice(3, (4000, 24), p=(0.4, 0.1, 0.5))
    rejected = np.mean([paired_proportions_test(row == 0, row == 1).p <= 0.05 for row in wins])
    assert mcnemar_power(24, 0.4, 0.1, 0.05) == pytest.approx(rejected, abs=0.03)
    nothing = draw.choice(3, (2000, 24), p=(0.25, 0.25, 0.5))
    assert np.mean([paired_proportions_test(row == 0, row == 1).p <= 0.05 for row in nothing]) <= 0.06


def test_the_seeds_that_a_rate_needs_are_the_fewest_with_the_power():
    needed = int(seeds_for_proportions(0.3, 0.0, 0.05))
    assert mcnemar_power(needed, 0.3, 0.0, 0.05) >= 0.8 > mcnemar_power(needed - 1, 0.3, 0.0, 0.05)
    assert math.isnan(seeds_for_proportions(0.2, 0.2, 0.05))
    assert math.isinf(seeds_for_proportions(0.2001, 0.2, 0.05))


def test_the_seeds_that_a_mean_needs_give_the_power():
    gains = rng(1).normal(0.5, 1.0, 4000)
    needed = int(seeds_for_mean(gains, 0.05))
    assert 24 <= needed <= 30  # the textbook's 26 for an effect of half a standard deviation
    draw = rng(2)
    hits = [
        paired_permutation_test(draw.normal(0.5, 1, needed), np.zeros(needed), "greater", rng=draw, resamples=400).p
        for _ in range(200)
    ]
    assert 0.72 <= np.mean(np.array(hits) < 0.05) <= 0.88
    assert seeds_for_mean([1.0, 1.0, 1.0], 0.05) == fewest_pairs(0.05) == 5
    assert math.isnan(seeds_for_mean([-1.0, 0.5], 0.05))


def test_the_seeds_that_a_quantile_needs_give_the_power_where_runs_collapse():
    """A normal approximation advised 5, at which the test has a power of a twentieth."""
    draw, quantile = rng(3), QuantileScore(at=0.25)
    lost = np.arange(20)[:, None] < (1, 9)  # one collapse of twenty, and nine of the control's
    a, b = draw.permuted(np.where(lost, 0.1, 0.8) + 0.02 * draw.random((20, 2)), axis=0).T
    needed = int(quantile.seeds_needed(a, b, "higher", 0.05, draw))
    shown = 0
    for _ in range(100):
        drawn = draw.integers(0, 20, needed)
        p = paired_swap_test(a[drawn], b[drawn], quantile._quantile, rng=draw, resamples=199).p
        shown += p <= 0.05
    assert 10 < needed < 40
    assert shown > 60


def test_a_collapse_is_seen_by_the_rate_and_the_quantile_where_the_mean_is_unsure(tmp_path):
    scores = trials(a=COLLAPSING, b=STEADY)
    mean = summarise(study(tmp_path, "mean"), scores)
    rate = summarise(study(tmp_path, "{name: success, at: 0.7}"), scores)
    low = summarise(study(tmp_path, "{name: quantile, at: 0.25}"), scores)
    assert (rate.judged["a"].value, rate.judged["b"].value) == (0.6, 1.0)
    assert rate.comparisons[0].p == 2**-4
    assert rate.comparisons[0].difference == pytest.approx(0.4)
    assert low.judged["a"].value == pytest.approx(np.quantile(COLLAPSING, 0.25))
    assert low.comparisons[0].p <= mean.comparisons[0].p
    assert f"takes about {seeds_for_proportions(0.4, 0.0, 0.05):.0f} seeds (80 % power)" in verdict_line(rate)
    assert arms_table(rate)[0][2] == "share of seeds with good ≥ 0.7"
    assert arms_table(rate)[1][0][2].startswith("0.6 [")
    assert "McNemar" in markdown(rate, "lab study s", [], "here")


def test_a_failed_trial_is_no_success_and_is_left_out_of_a_mean(tmp_path):
    scores = trials(a=[None] * 6 + [0.9] * 4, b=[0.9] * 10)
    rate = summarise(study(tmp_path, "{name: success, at: 0.7}"), scores)
    assert rate.judged["a"].value == 0.4
    assert (rate.comparisons[0].pairs, rate.verdict) == (10, "supported")
    assert summarise(study(tmp_path, "mean"), scores).comparisons[0].pairs == 4
    collapsed = summarise(study(tmp_path, "{name: success, at: 0.7}"), trials(a=[None] * 10, b=[0.9] * 10))
    assert collapsed.judged["a"].value == 0.0
    assert collapsed.verdict == "supported"


def test_where_lower_is_better_a_success_is_low_and_a_rate_still_high(tmp_path):
    scores = trials(a=[50.0] * 10, b=[20.0] * 10)
    found = summarise(study(tmp_path, "{name: success, at: 30}", direction="lower"), scores)
    assert (found.judged["b"].value, found.verdict) == (1.0, "supported")
    assert found.study.judged_by == "share of seeds with good ≤ 30"
    quantile = summarise(study(tmp_path, "{name: quantile, at: 0.5}", direction="lower"), scores)
    assert (quantile.comparisons[0].difference, quantile.comparisons[0].p < 0.5) == (-30, True)


@pytest.mark.parametrize("name", CRITERIA.listed)
def test_every_unclear_verdict_says_how_many_seeds(name, tmp_path):
    criterion = {"mean": "mean", "quantile": "{name: quantile, at: 0.5}", "success": "{name: success, at: 0.5}"}[name]
    draw = rng(4)
    for n in (2, 5, 10):
        found = summarise(
            study(tmp_path, criterion, seeds=n),
            trials(a=list(draw.normal(0.4, 0.4, n)), b=list(draw.normal(0.5, 0.4, n))),
        )
        if found.verdict == "unclear":
            assert "seeds" in found.comparisons[0].reason


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        ("median", "no criterion is called 'median'"),
        ("{name: quantile, at: 1.5}", "less than 1"),
        ("{name: success}", "at"),
        ("{name: success, at: .nan}", "finite"),
        ("{name: mean, at: 1}", "at: unknown key"),
    ],
)
def test_a_wrong_criterion_is_one_line(criterion, said, tmp_path):
    with pytest.raises(UserError, match="criterion") as error:
        study(tmp_path, criterion)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_criterion_reads_back_as_it_is_written(tmp_path):
    for given_, kind in (("mean", MeanScore), ("{name: success, at: 0.7}", SuccessRate)):
        assert type(study(tmp_path, given_).criterion) is kind
    assert study(tmp_path, "mean").model_dump(mode="json")["criterion"] == "mean"

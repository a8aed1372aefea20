import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lab.cli.study import show
from lab.reports.words import beside, fmt, level
from lab.studies.model import Study
from lab.studies.page import markdown
from lab.studies.result import TrialResult
from lab.studies.sentences import verdict_line
from lab.studies.statistics import probability_of_improvement
from lab.studies.summary import summarise
from lab.studies.tables import arms_table, comparisons_table


def study(n=8, compare=(("b", "a"),), **changes):
    fields = {
        "name": "s",
        "hypothesis": "b beats a",
        "trainer": "gan",
        "preset": "ring",
        "seeds": n,
        "arms": {"a": None, "b": {}, "c": {}},
        "metric": "good",
        "direction": "higher",
        "compare": [list(pair) for pair in compare],
    }
    return Study(**{**fields, **changes})


def trials(**scores):
    return [
        TrialResult(arm, seed, "finished", scores={"good": float(value), "modes": 8.0})
        if value is not None
        else TrialResult(arm, seed, "failed", "loss/generator is nan at step 7")
        for arm, values in scores.items()
        for seed, value in enumerate(values)
    ]


def test_eight_wins_of_eight_support_the_hypothesis():
    found = summarise(study(), trials(a=range(8), b=[x + 1 + x / 10 for x in range(8)], c=[0] * 8))
    assert found.verdict == "supported"
    assert found.comparisons[0].p == 2**-8
    assert found.comparisons[0].difference == pytest.approx(1.35)
    assert verdict_line(found).startswith("Supported: b against a")


def test_arms_are_held_against_what_was_published_of_them():
    given = {"source": "a paper", "scores": {"a": {"score": 5.0}, "b": {"score": 5.0, "deviation": 1.5}}}
    found = summarise(study(references=given), trials(a=[4] * 8, b=[4] * 8, c=[9] * 8))
    assert {arm: held.reached for arm, held in found.held.items()} == {"a": "no", "b": "yes"}
    assert found.to_json()["references"]["b"] == {"score": 5.0, "deviation": 1.5, "reached": "yes"}
    wide = summarise(study(references=given), trials(a=[1, 7] * 4, b=[1, 5] * 4, c=[9] * 8))
    assert wide.held["a"].reached == "unclear", "a mean of 4 with an interval beyond 5 is not as good, and may be"
    page = markdown(found, "lab study s", [], "here")
    assert "| b | 4 [4, 4] | 5 ± 1.5 | yes |" in page
    assert "Published scores: a paper." in page
    fewer = study(references=given, direction="lower", metric="modes")
    assert {held.reached for held in summarise(fewer, trials(a=[4] * 8, b=[4] * 8)).held.values()} == {"no"}
    with pytest.raises(ValidationError, match="references.scores: no arm is called 'd'; arms are a, b, c"):
        study(references={"source": "a paper", "scores": {"d": {"score": 1.0}}})


def test_a_treatment_that_fails_more_often_is_not_supported_by_what_finished():
    treatment = [None, None, *(x + 1 + x / 10 for x in range(2, 10))]
    seeds = study(seeds=10)
    found = summarise(seeds, trials(a=range(10), b=treatment, c=[0] * 10))
    assert found.verdict == "unclear"
    assert "but b failed at 2 seeds and a at 0, which is left out" in found.comparisons[0].reason
    assert found.comparisons[0].better == pytest.approx(
        probability_of_improvement([*treatment[2:], math.nan, math.nan], range(10))
    )
    both = summarise(seeds, trials(a=[None, None, *range(2, 10)], b=treatment, c=[0] * 10))
    assert both.verdict == "supported", "as often as the control"
    worse = {"a": [None, None, *range(2, 10)], "b": [x - 1 - x / 10 for x in range(10)], "c": [0] * 10}
    assert summarise(seeds, trials(**worse)).verdict == "unclear", "it is the control that what finished flatters"


def test_lower_is_better_turns_the_verdict():
    scores = trials(a=range(8), b=[x - 1 for x in range(8)], c=[0] * 8)
    assert summarise(study(direction="lower"), scores).verdict == "supported"
    assert summarise(study(), scores).verdict == "not supported"
    worse = trials(a=range(8), b=[x + 1 for x in range(8)], c=[0] * 8)
    assert summarise(study(direction="lower"), worse).verdict == "not supported"


def test_a_p_just_above_alpha_does_not_support():
    found = summarise(study(), trials(a=[0] * 8, b=[1, 2, 3, 4, 5, 6, -3, -2], c=[0] * 8)).comparisons[0]
    assert 0.05 < found.p_holm < 0.1, found.p_holm
    assert found.verdict == "unclear"


def test_equal_arms_are_unclear_and_so_are_close_ones():
    """Where nothing trains in either arm, or both find all that there is, the score could not have shown more."""
    found = summarise(study(), trials(a=[8] * 8, b=[8] * 8, c=[0] * 8)).comparisons[0]
    assert found.verdict == "unclear"
    assert "nothing differed: the score may be at its floor or its ceiling" in found.reason
    mixed = [1, -1, 2, -1, 1, -2, 3, 0.5]
    assert summarise(study(), trials(a=[0] * 8, b=mixed, c=[0] * 8)).verdict == "unclear"


def test_not_supported_takes_a_test_as_well_as_an_interval():
    """The interval of a few pairs is too narrow: three small losses and two ties are no answer yet."""
    found = summarise(study(5), trials(a=[0] * 5, b=[0, -0.05, -0.05, 0, -0.05], c=[0] * 5)).comparisons[0]
    assert found.interval.high < 0
    assert (found.p_opposite, found.verdict) == (0.125, "unclear")
    assert "that it is worse is not shown either (p = 0.12)" in found.reason
    every = summarise(study(5), trials(a=[0] * 5, b=[-1, -2, -3, -1, -2], c=[0] * 5)).comparisons[0]
    assert (every.p_opposite, every.verdict) == (2**-5, "not supported")


def test_beside_a_comparison_that_is_clear_fewer_pairs_may_do():
    pairs = (("b", "a"), ("c", "a"))
    b, c = [1 + x / 10 for x in range(10)], [1 + x / 10 for x in range(5)] + [None] * 5
    found = summarise(study(10, compare=pairs), trials(a=[0] * 5 + [0] * 5, b=b, c=c)).comparisons[1]
    assert (found.p_holm, found.smallest_p) == (2**-5, 2**-4)
    assert "cannot decide" not in found.reason


def test_a_p_is_told_on_its_own_side_of_alpha_and_a_level_in_full():
    assert beside(51 / 1024, 0.05) == "0.0498"
    assert beside(0.0314, 0.05) == "0.031"
    assert (level(0.05), level(0.005)) == ("95%", "99.5%")
    one = summarise(study(1), trials(a=[0], b=[0.5], c=[0])).comparisons[0]
    assert one.reason.endswith("are needed"), "of one pair nothing is known of more"


@pytest.mark.parametrize("gain", [+100, -100])
def test_too_few_pairs_never_decide(gain):
    found = summarise(study(3), trials(a=[0] * 3, b=[gain] * 3, c=[0] * 3))
    assert found.verdict == "unclear"
    assert "smallest p possible is 0.12" in found.comparisons[0].reason


def test_every_further_comparison_raises_the_bar():
    scores = trials(a=[0] * 5, b=[1] * 5, c=[0, 1, 0, 1, -1])
    assert summarise(study(5), scores).verdict == "supported"
    found = summarise(study(5, compare=(("b", "a"), ("c", "a"))), scores)
    assert found.comparisons[0].p_holm == 2 * found.comparisons[0].p
    assert found.verdict == "unclear"


def test_failed_trials_leave_their_pair_and_are_named():
    found = summarise(study(), trials(a=[0] * 8, b=[1] * 7 + [None], c=[0] * 8))
    assert found.comparisons[0].pairs == 7
    assert found.arms["b"]["good"].n == 7
    page = markdown(found, "lab study s", [], "one machine")
    assert "b, seed 7: failed: loss/generator is nan at step 7" in page
    assert "7/8" in page


def test_an_arm_that_always_fails_is_reported_not_raised():
    found = summarise(study(), trials(a=[0] * 8, b=[None] * 8, c=[0] * 8))
    assert found.verdict == "unclear"
    assert arms_table(found)[1][1][1:3] == ["0/8", "–"]
    assert comparisons_table(found)[1][0][1:3] == ["0", "–"]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["comparisons"][0]["difference"] is None


def test_one_arm_alone_is_described_without_a_verdict():
    found = summarise(study(compare=()), trials(a=range(8), b=[0] * 8, c=[0] * 8))
    assert found.verdict is None
    assert "Comparisons" not in markdown(found, "lab study s", [], "one machine")


def test_numbers_do_not_depend_on_the_order_of_trials_or_on_other_columns():
    scores = trials(a=range(8), b=[x + 1 for x in range(8)], c=[0] * 8)
    plain = summarise(study(), scores)
    other = summarise(study(columns=["modes"]), scores[::-1])
    assert plain.comparisons == other.comparisons
    assert plain.arms["b"]["good"].mean_interval == other.arms["b"]["good"].mean_interval
    assert other.arms["b"]["modes"].mean == 8


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
@settings(max_examples=25, deadline=None)
def test_a_verdict_never_contradicts_the_numbers(gains):
    found = summarise(study(), trials(a=[0] * 8, b=gains, c=[0] * 8)).comparisons[0]
    if found.verdict == "supported":
        assert found.difference > 0
        assert found.p_holm < 0.05
    elif found.verdict == "not supported":
        assert found.interval.high <= 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.0, "8"), (0.12345, "0.123"), (-106.4, "-106"), (0.0009765625, "0.000977"), (1234.5, "1234"), (math.nan, "–")],
)
def test_numbers_are_short(value, text):
    assert fmt(value) == text


def test_the_terminal_shows_every_score_and_verdict_within_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    found = summarise(study(), trials(a=[0.123456] * 8, b=np.linspace(-0.5678, 0.9, 8), c=[0] * 8))
    show(found, None)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert max(len(line) for line in printed.splitlines() if "results" not in line) <= 80
    assert "b − a" in printed
    assert "unclear" in printed

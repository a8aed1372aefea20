"""How often studies of nothing are called supported: by the code that gives every verdict, on 1,000 of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lab.studies.comparison import comparisons
from lab.studies.model import Study
from lab.studies.response import respond
from lab.studies.result import TrialResult
from lab.studies.statistics import paired_permutation_test
from lab.studies.summary import response_verdict, whole_seeds

STUDIES, SEEDS = 1_000, 10
MOST = 0.06
Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

NOISES: dict[str, Noise] = {
    "normal": lambda draw, shape: draw.normal(size=shape),
    "skewed": lambda draw, shape: draw.exponential(size=shape) ** 2,
    "collapse": lambda draw, shape: np.where(draw.random(shape) < 0.3, 0.0, 0.8 + 0.02 * draw.normal(size=shape)),
}
"""What a score scatters by beside the level of its seed; `collapse` is that of a game which is won or lost."""


def study(arms: int, seeds: int = SEEDS, **of_kind: object) -> Study:
    fields = {
        "name": "null",
        "hypothesis": "something helps, which nothing does",
        "trainer": "gan",
        "preset": "ring",
        "seeds": seeds,
        "metric": "good",
        "direction": "higher",
    }
    if not of_kind:
        of_kind = {"arms": {f"a{arm}": {} for arm in range(arms)}, "compare": [[f"a{a}", "a0"] for a in range(1, arms)]}
    return Study.model_validate({**fields, **of_kind})


def null_trials(stated: Study, noise: Noise, draw: np.random.Generator) -> list[TrialResult]:
    """Scores in which a seed makes a difference and an arm none."""
    scores = draw.normal(size=(SEEDS, 1)) + noise(draw, (SEEDS, len(stated.arms)))
    return [
        TrialResult(arm, seed, "finished", scores={"good": float(scores[seed, place])})
        for place, arm in enumerate(stated.arms)
        for seed in stated.seeds
    ]


@pytest.mark.parametrize(("noise", "arms"), [("normal", 2), ("collapse", 2), ("skewed", 3)])
def test_of_a_thousand_comparisons_of_nothing_at_most_six_percent_are_supported(noise: str, arms: int) -> None:
    """With several comparisons: in which any of them is, which is what Holm's correction is for."""
    stated, draw, supported = study(arms), np.random.default_rng(11), 0
    for _ in range(STUDIES):
        found = comparisons(stated, null_trials(stated, NOISES[noise], draw))
        supported += any(each.verdict == "supported" for each in found)
    assert supported / STUDIES <= MOST


@pytest.mark.parametrize(("seeds", "gain"), [(5, 0.2), (10, 0.1)])
def test_of_a_thousand_comparisons_of_a_little_at_most_six_percent_are_called_not_supported(
    seeds: int, gain: float
) -> None:
    stated, draw, denied = study(2, seeds), np.random.default_rng(16), 0
    for _ in range(STUDIES):
        scores = draw.normal(size=(seeds, 2)) / np.sqrt(2) + (0.0, gain)  # in deviations of a paired difference
        trials = [
            TrialResult(f"a{arm}", seed, "finished", scores={"good": float(scores[seed, arm])})
            for seed in range(seeds)
            for arm in range(2)
        ]
        denied += comparisons(stated, trials)[0].verdict == "not supported"
    assert denied / STUDIES <= MOST


@pytest.mark.parametrize("noise", ["normal", "collapse"])
def test_of_a_thousand_phase_responses_of_nothing_at_most_six_percent_are_supported(noise: str) -> None:
    stated, draw = study(8, response={"voice": "lr.generator", "offsets": 8}), np.random.default_rng(12)
    supported = 0
    for _ in range(STUDIES):
        table = whole_seeds(stated, null_trials(stated, NOISES[noise], draw))
        # As the study's own code has it, but for fewer permutations: the test is exact for any number of them.
        found = respond(table, alpha=stated.alpha, permutations=199, rng=draw)
        supported += response_verdict(stated, found, []) == "supported"
    assert supported / STUDIES <= MOST


@pytest.mark.parametrize("size", [0.0, 0.1, 0.6])
def test_the_interval_of_an_amplitude_holds_the_true_one_as_often_as_it_says(size: float) -> None:
    draw = np.random.default_rng(15)
    swing = size * np.cos(2 * np.pi * np.arange(8) / 8)
    missed = 0
    for scores in draw.normal(size=(STUDIES, SEEDS, 8)) + swing:
        low, high = respond(scores, permutations=199, rng=draw).amplitude_interval
        missed += not low <= size <= high
    assert missed / STUDIES <= MOST


def test_what_there_is_is_supported_more_often_than_that() -> None:
    """Or the two tests above would hold of code that supports nothing."""
    stated, draw, supported = study(2), np.random.default_rng(13), 0
    for _ in range(100):
        trials = null_trials(stated, NOISES["normal"], draw)
        helped = [t if t.arm == "a0" else TrialResult(t.arm, t.seed, t.status, scores={"good": t.scores["good"] + 1.5})
                  for t in trials]  # fmt: skip
        supported += comparisons(stated, helped)[0].verdict == "supported"
    assert supported > 80


def test_the_level_of_the_test_is_alpha_and_not_far_below() -> None:
    """p is uniform where nothing is: about 5 % of p-values are below 0.05, and half are below 0.5."""
    draw = np.random.default_rng(14)
    p = np.array(
        [
            paired_permutation_test(a, b, "greater", rng=draw, confidence=0.5).p
            for a, b in draw.normal(size=(STUDIES, 2, SEEDS))
        ]
    )
    assert 0.035 < np.mean(p < 0.05) < 0.065
    assert 0.45 < np.mean(p < 0.5) < 0.55

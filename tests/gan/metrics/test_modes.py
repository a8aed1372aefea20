from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gan.data.grid import GridData
from gan.data.ring import RingData
from gan.metrics import divergence_from_uniform, mode_coverage


@pytest.mark.parametrize(("data", "modes", "reverse_kl"), [(RingData(), 8, 0.0014), (GridData(), 25, 0.0048)])
def test_a_perfect_sampler_scores_as_in_the_literature(data, modes: int, reverse_kl: float) -> None:
    truth = data.mixture(torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    scores = [mode_coverage(truth.sample(2500, random), truth.centers, truth.std) for _ in range(40)]
    assert {score.modes for score in scores} == {modes}
    assert np.mean([score.good for score in scores]) == pytest.approx(1 - math.exp(-4.5), abs=0.001)
    assert np.mean([score.reverse_kl for score in scores]) == pytest.approx(reverse_kl, rel=0.25)


def test_collapse_to_one_mode_is_seen() -> None:
    centers = RingData().centers()
    score = mode_coverage(centers[3].repeat(100, 1), centers, 0.02)
    assert (score.modes, score.good) == (1, 1.0)
    assert score.reverse_kl == pytest.approx(math.log(8))


def test_a_mode_counts_only_with_a_good_sample_and_good_ends_at_three_sigma() -> None:
    centers = np.array([[0.0, 0.0], [10.0, 0.0]])
    score = mode_coverage(np.array([[0.299, 0.0], [9.699, 0.0]]), centers, 0.1)
    assert (score.modes, score.good, score.reverse_kl) == (1, 0.5, 0.0)


def test_no_chunk_changes_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = GridData().mixture(torch.device("cpu"))
    samples = truth.sample(700, torch.Generator().manual_seed(0)) + 0.02
    whole = mode_coverage(samples, truth.centers, truth.std)
    for chunk in (1, 7 * 25, 512 * 25):
        monkeypatch.setattr("gan.metrics.modes.CHUNK", chunk)
        assert mode_coverage(samples, truth.centers, truth.std) == whole


def test_samples_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 4 sample values are not finite"):
        mode_coverage(np.array([[0.0, np.nan], [0.0, 0.0]]), np.zeros((1, 2)), 1.0)


@pytest.mark.parametrize("centers", [RingData().centers(), GridData().centers()])
def test_all_modes_are_distinct(centers: torch.Tensor) -> None:
    gaps = torch.cdist(centers, centers) + 10 * torch.eye(len(centers))
    assert gaps.min() > 0.7


def test_divergence_from_uniform() -> None:
    assert divergence_from_uniform([5, 5, 5, 5]) == pytest.approx(0.0, abs=1e-15)
    assert divergence_from_uniform([20, 0, 0, 0]) == pytest.approx(math.log(4))

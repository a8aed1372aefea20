from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import linalg

from gan.data.grid import GridData
from gan.data.ring import RingData
from gan.metrics import Gaussian, divergence_from_uniform, frechet_distance, mode_coverage


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


@pytest.fixture
def features() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    a = random.normal(size=(500, 64)) @ random.normal(size=(64, 64))
    return a, 1.3 * random.normal(size=(400, 64)) @ random.normal(size=(64, 64)) + 0.5


def test_frechet_distance_equals_scipys_matrix_square_root(features: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (Gaussian.of(f) for f in features)
    root = linalg.sqrtm(a.covariance @ b.covariance).real
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_equals_torchmetrics(features: tuple[np.ndarray, np.ndarray]) -> None:
    from torchmetrics.image.fid import _compute_fid

    a, b = (Gaussian.of(f) for f in features)
    tensors = [torch.from_numpy(t) for t in (a.mean, a.covariance, b.mean, b.covariance)]
    assert frechet_distance(a, b) == pytest.approx(float(_compute_fid(*tensors)), rel=1e-6)


def test_frechet_distance_of_shifted_gaussians_is_the_squared_shift() -> None:
    features = np.random.default_rng(1).normal(size=(300, 5))
    a, b = Gaussian.of(features), Gaussian.of(features + 2.0)
    assert frechet_distance(a, b) == pytest.approx(5 * 4.0, abs=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)


def test_frechet_distance_survives_dead_features() -> None:
    features = np.random.default_rng(2).normal(size=(50, 4))
    features[:, 2] = 0.0
    a = Gaussian.of(features)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)

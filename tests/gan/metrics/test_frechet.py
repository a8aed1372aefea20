from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg

from gan.metrics import Gaussian, frechet_distance


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

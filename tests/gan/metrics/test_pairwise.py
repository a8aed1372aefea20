"""Precision, recall, density, coverage and the kernel distance against plain NumPy, whatever the chunk."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan.metrics import KernelDistance, Prdc, kernel_distance, prdc

METRICS = (prdc, kernel_distance)


def normal(n: int, d: int = 6, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def brute_prdc(real: np.ndarray, fake: np.ndarray, k: int) -> Prdc:
    """The definitions, with every pair at once."""

    def gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    real_radius, fake_radius = (np.sort(gaps(x, x), axis=1)[:, k] for x in (real, fake))
    between = gaps(real, fake)
    in_real, in_fake = between <= real_radius[:, None], between <= fake_radius[None]
    return Prdc(
        precision=in_real.any(axis=0).mean(),
        recall=in_fake.any(axis=1).mean(),
        density=in_real.sum() / (k * len(fake)),
        coverage=in_real.any(axis=1).mean(),
    )


def brute_kernel(real: np.ndarray, fake: np.ndarray) -> float:
    n, m, d = len(real), len(fake), real.shape[1]
    own, their, between = ((a @ b.T / d + 1) ** 3 for a, b in ((real, real), (fake, fake), (real, fake)))
    return float(
        (own.sum() - np.trace(own)) / (n * (n - 1))
        + (their.sum() - np.trace(their)) / (m * (m - 1))
        - 2 * between.mean()
    )


@pytest.mark.parametrize("shift", [0.0, 0.8, 9.0])
@pytest.mark.parametrize("k", [1, 5])
def test_prdc_equals_brute_force(shift: float, k: int) -> None:
    real, fake = normal(150), normal(130, shift=shift, seed=1)
    assert dataclasses.asdict(prdc(real, fake, k)) == pytest.approx(dataclasses.asdict(brute_prdc(real, fake, k)))


@given(
    st.tuples(*(arrays(np.float64, st.tuples(st.integers(3, 20), st.just(2)), elements=st.integers(0, 3)),) * 2),
    st.integers(1, 2),
)
@settings(deadline=None, max_examples=40)
def test_prdc_equals_brute_force_with_ties_and_copies(sets: tuple[np.ndarray, np.ndarray], k: int) -> None:
    assert dataclasses.asdict(prdc(*sets, k)) == pytest.approx(dataclasses.asdict(brute_prdc(*sets, k)))


def test_the_kernel_distance_equals_brute_force_for_unequal_sets() -> None:
    real, fake = normal(150), normal(90, shift=0.4, seed=1)
    assert kernel_distance(real, fake).value == pytest.approx(brute_kernel(real, fake), rel=1e-12)


def test_the_kernel_distance_equals_torchmetrics() -> None:
    from torchmetrics.image.kid import poly_mmd

    real, fake = normal(120, 64), normal(120, 64, shift=0.2, seed=1)
    expected = float(poly_mmd(torch.from_numpy(real), torch.from_numpy(fake)))
    assert kernel_distance(real, fake).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 70))
@settings(deadline=None, max_examples=30)
def test_no_chunk_changes_a_bit(metric, n: int, m: int, d: int) -> None:
    real, fake = normal(n, d), normal(m, d, seed=1)
    assert metric(real, fake, chunk=7) == metric(real, fake, chunk=512) == metric(real, fake, chunk=1)


@pytest.mark.parametrize("metric", METRICS)
def test_no_chunk_changes_a_bit_of_larger_sets(metric) -> None:
    real, fake = normal(700, 64), normal(600, 64, seed=1)
    assert metric(real, fake, chunk=7) == metric(real, fake, chunk=512)


@pytest.mark.parametrize("metric", METRICS)
def test_tensors_give_the_numbers_of_arrays(metric) -> None:
    real, fake = normal(30), normal(40, seed=1)
    assert metric(torch.from_numpy(real).requires_grad_(), fake) == metric(real, torch.from_numpy(fake))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("metric", METRICS)
def test_tensors_on_a_gpu_are_compared_there(metric) -> None:
    real, fake = (torch.from_numpy(x).cuda() for x in (normal(300, 64), normal(400, 64, shift=0.2, seed=1)))
    found = metric(real, fake, chunk=7)
    assert found == metric(real, fake, chunk=512)
    assert dataclasses.asdict(found) == pytest.approx(dataclasses.asdict(metric(real.cpu(), fake.cpu())), rel=1e-9)


def test_equal_distributions_score_as_theory_says() -> None:
    scores = [prdc(normal(400, 2, seed=2 * s), normal(400, 2, seed=2 * s + 1)) for s in range(10)]
    assert np.mean([score.density for score in scores]) == pytest.approx(1.0, abs=0.03)
    assert np.mean([score.coverage for score in scores]) == pytest.approx(1 - 2**-5, abs=0.01)


def test_precision_sees_bad_samples_and_recall_sees_missing_ones() -> None:
    real = np.concatenate([normal(100, 2), normal(100, 2, shift=50, seed=1)])
    half = prdc(real, normal(200, 2, seed=2))
    assert half.precision > 0.9
    assert half.recall < 0.55
    assert half.coverage < 0.55
    astray = prdc(real, np.concatenate([real[::2], normal(100, 2, shift=-50)]))
    assert astray.precision == pytest.approx(0.5, abs=0.02)
    assert astray.recall > 0.9


@pytest.mark.parametrize(("shift", "widest"), [(0.3, 1.15), (0.0, 1.6)])
def test_the_standard_error_is_the_spread_of_the_estimate(shift: float, widest: float) -> None:
    found = [kernel_distance(normal(80, 4, seed=2 * s), normal(60, 4, shift, 2 * s + 1)) for s in range(150)]
    spread = np.std([one.value for one in found])
    claimed = math.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert 0.85 * spread < claimed < widest * spread


def test_the_kernel_distance_has_no_bias() -> None:
    values = [kernel_distance(normal(20, 4, seed=2 * s), normal(10, 4, seed=2 * s + 1)).value for s in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(200)


def test_progress_reaches_the_end() -> None:
    for metric in METRICS:
        told: list[tuple[int, int]] = []
        metric(normal(20), normal(10), chunk=8, progress=lambda done, total, told=told: told.append((done, total)))
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1]
        assert len(told) > 3


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="k = 5 for 5 real and 20 generated points"):
        prdc(normal(5), normal(20))
    with pytest.raises(ValueError, match="1 real and 20 generated points: at least 2"):
        kernel_distance(normal(1), normal(20))
    with pytest.raises(ValueError, match="points of 6 and of 2 numbers"):
        kernel_distance(normal(9), normal(9, 2))
    with pytest.raises(ValueError, match="1 of 54 sample values are not finite"):
        prdc(np.where(np.arange(54).reshape(9, 6) == 3, np.nan, 0), normal(9))
    with pytest.raises(ValueError, match="chunk: 0 is not accepted"):
        prdc(normal(9), normal(9), chunk=0)
    assert isinstance(kernel_distance(normal(2), normal(2)), KernelDistance)

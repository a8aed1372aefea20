"""Curvature and gradient noise against what dense algebra and brute force say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lab.diagnostics.curvature import gradient_noise, gradient_of, hessian, leading_eigenvalues

NUMBERS = st.floats(-10, 10, allow_nan=False, width=64)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 12).map(lambda n: (n, n)), elements=NUMBERS), st.integers(1, 3))
def test_a_quadratic_form_has_its_own_matrix_and_eigenvalues(matrix, count):
    symmetric = (matrix + matrix.T) / 2
    size = len(symmetric)
    count = min(count, size)
    point = torch.ones(size, dtype=torch.float64, requires_grad=True)
    operator = hessian(point @ torch.from_numpy(symmetric) @ point / 2, [point])
    assert np.allclose(operator.matmat(np.eye(size)), symmetric)
    found = leading_eigenvalues(operator, count)
    assert np.allclose(found, np.linalg.eigvalsh(symmetric)[::-1][:count], rtol=1e-3, atol=1e-6)


@pytest.fixture
def network():
    """A network in double precision, and its loss as a function of given weights."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2)).double()
    inputs, aims = torch.randn(20, 3).double(), torch.randn(20, 2).double()
    return net, lambda weights: ((torch.func.functional_call(net, weights, inputs) - aims) ** 2).mean()


def test_a_networks_leading_eigenvalues_are_those_of_its_dense_hessian_every_time(network):
    net, loss = network
    weights = dict(net.named_parameters())
    parts = torch.autograd.functional.hessian(
        lambda *pieces: loss(dict(zip(weights, pieces, strict=True))), tuple(weights.values())
    )
    sizes = [part.numel() for part in weights.values()]
    dense = np.block([
        [part.reshape(rows, columns).numpy() for part, columns in zip(row, sizes, strict=True)]
        for row, rows in zip(parts, sizes, strict=True)
    ])  # fmt: skip
    found = leading_eigenvalues(hessian(loss(weights), list(weights.values())), 3)
    assert np.allclose(found, np.linalg.eigvalsh(dense)[::-1][:3], rtol=1e-3)
    assert np.array_equal(found, leading_eigenvalues(hessian(loss(weights), list(weights.values())), 3))
    assert all(parameter.grad is None for parameter in net.parameters())


def test_parameters_that_do_not_matter_or_matter_linearly_have_rows_of_zeros():
    curved, straight, unused = (torch.ones(4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    operator = hessian((curved**2).sum() + straight.sum(), [straight, curved, unused])
    assert np.array_equal(operator.matmat(np.eye(12)), np.diag([0.0] * 4 + [2.0] * 4 + [0.0] * 4))
    assert np.array_equal(hessian(straight.sum(), [straight]).matmat(np.eye(4)), np.zeros((4, 4)))


def test_a_loss_that_is_not_finite_has_no_curvature():
    point = torch.zeros(5, requires_grad=True)
    assert np.isnan(leading_eigenvalues(hessian(point.sqrt().sum(), [point]), 2)).all()


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_noise_is_the_variance_of_one_sample_and_the_signal_is_what_it_leaves(batches, size, seed):
    """Brute force over all samples, where every batch's gradient is the mean of its samples'."""
    samples = np.random.default_rng(seed).normal(1.0, 2.0, (batches, size, 3))
    found = gradient_noise(samples.mean(axis=1), size)
    means = samples.mean(axis=1)
    among = sum(((mean - means.mean(axis=0)) ** 2).sum() for mean in means) / (batches - 1)
    assert found.variance == pytest.approx(size * among)
    assert found.signal == pytest.approx((means.mean(axis=0) ** 2).sum() - among / batches)


def test_signal_and_variance_are_right_in_the_mean_over_many_draws():
    true = np.array([0.3, -0.4])  # |G|² = .25; each sample's variance 1.5² in both numbers, tr Σ = 4.5
    draws = np.random.default_rng(1).normal(true, 1.5, (4000, 8, 10, 2)).mean(axis=2)
    found = [gradient_noise(batches, 10) for batches in draws]
    assert np.mean([one.signal for one in found]) == pytest.approx(0.25, rel=0.05)
    assert np.mean([one.variance for one in found]) == pytest.approx(4.5, rel=0.05)


def test_without_noise_the_scale_is_zero_and_without_signal_it_is_infinite():
    assert gradient_noise(np.ones((4, 3)), 8).scale == 0.0
    assert gradient_noise(np.array([[1.0], [-1.0]]), 8).scale == float("inf")
    with pytest.raises(ValueError, match="at least two"):
        gradient_noise(np.ones((1, 3)), 8)


def test_a_gradient_is_autograds_and_touches_none_of_it(network):
    net, loss = network
    weights = dict(net.named_parameters())
    found = gradient_of(loss(weights), list(weights.values()))
    assert all(parameter.grad is None for parameter in net.parameters())
    loss(weights).backward()
    assert np.allclose(found, torch.cat([parameter.grad.flatten() for parameter in net.parameters()]).numpy())


@pytest.mark.parametrize("size", [1, 2, 3, 30])
def test_a_flat_loss_has_no_curvature(size):
    point = torch.ones(size, requires_grad=True)
    assert np.array_equal(leading_eigenvalues(hessian((0 * point**2).sum(), [point])), [0.0])

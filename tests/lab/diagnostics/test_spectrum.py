"""Eigenvalues of games whose Jacobians are known, and of networks against dense algebra in double precision."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.diagnostics.spectrum import jacobian, leading, turn


def of(field, at):
    """The operator of a field that is a function of one tensor."""
    point = at.clone().requires_grad_()
    return jacobian([field(point)], [point])


def linear(matrix):
    return of(lambda point: torch.as_tensor(matrix, dtype=point.dtype) @ point, torch.zeros(2, dtype=torch.float64))


def test_the_bilinear_game_turns_and_the_quadratic_one_falls():
    bilinear = leading(linear([[0.0, 1.0], [-1.0, 0.0]]), 2)
    assert np.allclose(bilinear, [-1j, 1j])
    assert turn(bilinear[1], 0.1).factor == pytest.approx(math.sqrt(1.01))
    assert turn(bilinear[1], 0.1).period == pytest.approx(2 * math.pi / math.atan(0.1))
    quadratic = leading(linear([[2.0, 0.0], [0.0, 3.0]]), 2)
    assert np.allclose(quadratic, [3.0, 2.0])
    assert turn(quadratic[0], 0.1).factor == pytest.approx(0.7)
    assert turn(quadratic[0], 0.1).period == math.inf


def test_the_dirac_gan_with_r1_turns_below_one_and_no_longer_above():
    def field(point, gamma):
        generator, discriminator = point
        slope = torch.sigmoid(-generator * discriminator)
        return torch.stack((-slope * discriminator, slope * generator + gamma * discriminator))

    for gamma in (0.0, 0.5, 1.5):
        found = leading(of(lambda point, g=gamma: field(point, g), torch.zeros(2, dtype=torch.float64)), 2)
        root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
        assert np.allclose(np.sort_complex(found), np.sort_complex([gamma / 2 + root, gamma / 2 - root]))


@pytest.mark.parametrize("which", ["LM", "LR", "SR"])
def test_a_small_gans_eigenvalues_are_those_of_its_dense_jacobian(which):
    torch.manual_seed(0)
    generator = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)).double()
    discriminator = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    parts = [*generator.parameters(), *discriminator.parameters()]
    mine = list(generator.parameters())
    noise, real = torch.randn(16, 2).double(), torch.randn(16, 2).double()
    softplus, fake = torch.nn.functional.softplus, discriminator(generator(noise))
    losses = softplus(-fake).mean(), softplus(-discriminator(real)).mean() + softplus(fake).mean()
    slopes = [
        *torch.autograd.grad(losses[0], mine, create_graph=True),
        *torch.autograd.grad(losses[1], parts[len(mine) :], create_graph=True),
    ]
    rows = [
        torch.cat([p.flatten() for p in torch.autograd.grad(number, parts, retain_graph=True, materialize_grads=True)])
        for slope in slopes
        for number in slope.flatten()
    ]
    dense = torch.stack(rows).numpy()
    keys = {"LM": np.abs, "LR": np.real, "SR": lambda values: -np.real(values)}
    expected = np.linalg.eigvals(dense)
    expected = expected[np.argsort(-keys[which](expected))][:4]
    operator = jacobian(slopes, parts)
    found = leading(operator, 4, which=which)
    assert np.allclose(keys[which](found), keys[which](expected), rtol=1e-5, atol=1e-9)
    assert np.array_equal(found, leading(operator, 4, which=which))


@given(st.floats(0.0, 0.5), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
@settings(deadline=None)
def test_a_turn_is_what_a_step_does(rate, real, imaginary):
    found = turn(complex(real, imaginary), rate)
    step = np.eye(2) - rate * np.array([[real, -imaginary], [imaginary, real]])
    assert found.factor == pytest.approx(np.abs(np.linalg.eigvals(step)).max(), abs=1e-9)


@pytest.mark.parametrize("size", [3, 50])
def test_a_flat_field_has_zeros_and_one_that_is_not_finite_has_nothing(size):
    at = torch.zeros(size, dtype=torch.float64)
    assert np.array_equal(leading(of(lambda point: 0 * point, at), 2), [0, 0])
    if size > 32:
        assert len(leading(of(lambda point: point / 0, at), 2)) == 0

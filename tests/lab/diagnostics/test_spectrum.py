"""Eigenvalues of games whose Jacobians are known, and of networks against dense algebra in double precision."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.diagnostics.spectrum import jacobian, leading, turn


def linear(matrix):
    return lambda point: torch.as_tensor(matrix, dtype=point.dtype) @ point


def test_the_bilinear_game_turns_and_the_quadratic_one_falls():
    bilinear = leading(jacobian(linear([[0.0, 1.0], [-1.0, 0.0]]), torch.zeros(2, dtype=torch.float64)), 2)
    assert np.allclose(bilinear, [-1j, 1j])
    assert turn(bilinear[1], 0.1).factor == pytest.approx(math.sqrt(1.01))
    assert turn(bilinear[1], 0.1).period == pytest.approx(2 * math.pi / math.atan(0.1))
    quadratic = leading(jacobian(linear([[2.0, 0.0], [0.0, 3.0]]), torch.zeros(2, dtype=torch.float64)), 2)
    assert np.allclose(quadratic, [3.0, 2.0])
    assert turn(quadratic[0], 0.1).factor == pytest.approx(0.7)
    assert turn(quadratic[0], 0.1).period == math.inf


def test_the_dirac_gan_with_r1_turns_below_one_and_no_longer_above():
    def field(point, gamma):
        generator, discriminator = point
        slope = torch.sigmoid(-generator * discriminator)
        return torch.stack((-slope * discriminator, slope * generator + gamma * discriminator))

    for gamma in (0.0, 0.5, 1.5):
        at = torch.zeros(2, dtype=torch.float64)
        found = leading(jacobian(lambda point, g=gamma: field(point, g), at), 2)
        root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
        assert np.allclose(np.sort_complex(found), np.sort_complex([gamma / 2 + root, gamma / 2 - root]))


@pytest.mark.parametrize("which", ["LM", "LR", "SR"])
def test_a_small_gans_eigenvalues_are_those_of_its_dense_jacobian(which):
    torch.manual_seed(0)
    generator = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)).double()
    discriminator = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    parts = [*generator.parameters(), *discriminator.parameters()]
    sizes, mine = [part.numel() for part in parts], sum(part.numel() for part in generator.parameters())
    names = [[name for name, _ in net.named_parameters()] for net in (generator, discriminator)]
    noise, real = torch.randn(16, 2).double(), torch.randn(16, 2).double()

    def losses(point):
        pieces = [piece.view_as(part) for piece, part in zip(point.split(sizes), parts, strict=True)]
        weights = [dict(zip(names[0], pieces, strict=False)), dict(zip(names[1], pieces[len(names[0]) :], strict=True))]
        fake = torch.func.functional_call(generator, weights[0], noise)
        judged = [torch.func.functional_call(discriminator, weights[1], seen) for seen in (real, fake)]
        softplus = torch.nn.functional.softplus
        return softplus(-judged[1]).mean(), softplus(-judged[0]).mean() + softplus(judged[1]).mean()

    def field(point):
        first = torch.func.grad(lambda w: losses(w)[0])(point)
        second = torch.func.grad(lambda w: losses(w)[1])(point)
        return torch.cat((first[:mine], second[mine:]))

    at = torch.cat([part.detach().flatten() for part in parts])
    dense = torch.func.jacfwd(field)(at).numpy()
    keys = {"LM": np.abs, "LR": np.real, "SR": lambda values: -np.real(values)}
    expected = np.linalg.eigvals(dense)
    expected = expected[np.argsort(-keys[which](expected))][:4]
    found = leading(jacobian(field, at), 4, which=which)
    assert np.allclose(keys[which](found), keys[which](expected), rtol=1e-5, atol=1e-9)
    assert np.array_equal(found, leading(jacobian(field, at), 4, which=which))


@given(st.floats(0.0, 0.5), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
@settings(deadline=None)
def test_a_turn_is_what_a_step_does(rate, real, imaginary):
    found = turn(complex(real, imaginary), rate)
    step = np.eye(2) - rate * np.array([[real, -imaginary], [imaginary, real]])
    assert found.factor == pytest.approx(np.abs(np.linalg.eigvals(step)).max(), abs=1e-9)


@pytest.mark.parametrize("size", [3, 50])
def test_a_flat_field_has_zeros_and_one_that_is_not_finite_has_nothing(size):
    at = torch.zeros(size, dtype=torch.float64)
    assert np.array_equal(leading(jacobian(lambda point: 0 * point, at), 2), [0, 0])
    if size > 32:
        assert len(leading(jacobian(lambda point: point / 0, at), 2)) == 0

"""Reference games: Jacobians against differentiation of the fields, and the eigenvalues of the literature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.diagnostics.games import LOSSES, Bilinear, Dirac, Linear, Quadratic, frequency
from lab.phase import PhaseError

WEIGHTS = st.floats(0, 3)
GAMES = st.one_of(
    st.builds(Bilinear, coupling=st.floats(-2, 2)),
    st.builds(Quadratic, WEIGHTS, st.floats(-2, 2)),
    st.builds(Dirac, WEIGHTS, st.sampled_from(list(LOSSES)), WEIGHTS),
    st.builds(lambda seed: Linear(np.random.default_rng(seed).normal(size=(2, 2)), 1), st.integers(0, 99)),
)
POINTS = st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(np.array)


@given(GAMES, POINTS)
def test_the_jacobian_is_the_derivative_of_the_field(game, point):
    """By complex steps, which lose no digits: Im v(x + ihe)/h."""
    columns = [game.field(point + 1e-30j * direction).imag / 1e-30 for direction in np.eye(2)]
    assert np.allclose(game.jacobian(point), np.stack(columns, axis=-1), rtol=1e-12, atol=1e-14)


@given(GAMES)
def test_nothing_moves_at_the_equilibrium(game):
    assert np.array_equal(game.field(game.equilibrium), np.zeros(2))


@given(GAMES, st.integers(0, 99))
def test_many_points_at_once_are_each_as_alone(game, seed):
    points = np.random.default_rng(seed).normal(size=(3, 4, 2))
    for index in np.ndindex(3, 4):
        assert np.allclose(game.field(points)[index], game.field(points[index]), rtol=1e-14, atol=1e-15)
        assert np.allclose(game.jacobian(points)[index], game.jacobian(points[index]), rtol=1e-14, atol=1e-15)


def softplus(u):
    return np.logaddexp(0.0, u)


BY_HAND = {  # both losses of a generated sample's output; the data's does not depend on the players
    "non_saturating": (softplus, lambda u: softplus(-u)),
    "minimax": (softplus, lambda u: -softplus(u)),
    "wasserstein": (lambda u: u, lambda u: -u),
    "least_squares": (lambda u: 0.5 * (0.5 + u) ** 2, lambda u: 0.5 * (0.5 + u - 1.0) ** 2),
}


@given(st.sampled_from(list(LOSSES)), POINTS, WEIGHTS, WEIGHTS)
def test_the_dirac_gan_descends_its_losses(loss, point, gamma, damping):
    discriminator, generator = BY_HAND[loss]
    theta, psi = point

    def both(theta, psi):
        decay = damping / 2
        return np.array([
            generator(psi * theta) + decay * theta**2,
            discriminator(psi * theta) + (gamma / 2 + decay) * psi**2,
        ])  # fmt: skip

    h = 1e-6
    slope = [
        (both(theta + h, psi) - both(theta - h, psi))[0] / (2 * h),
        (both(theta, psi + h) - both(theta, psi - h))[1] / (2 * h),
    ]
    assert Dirac(gamma, loss, damping).field(point) == pytest.approx(-np.array(slope), abs=1e-7, rel=1e-7)


@given(st.floats(0, 5), st.sampled_from(["non_saturating", "minimax", "least_squares"]))
def test_the_dirac_gan_has_the_eigenvalues_of_the_paper(gamma, loss):
    root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
    found = np.linalg.eigvals(Dirac(gamma, loss).jacobian(np.zeros(2)))
    # At the critical point two eigenvalues meet, and rounding moves them by the root of its size.
    assert np.sort_complex(found) == pytest.approx(np.sort_complex([-gamma / 2 - root, -gamma / 2 + root]), abs=1e-6)


@pytest.mark.parametrize(("gamma", "turns"), [(0.0, 0.5), (0.6, 0.4), (0.99, 0.0705), (1.0, 0.0), (1.01, 0.0)])
def test_the_dirac_gan_stops_to_oscillate_at_gamma_one(gamma, turns):
    assert frequency(Dirac(gamma).jacobian(np.zeros(2))) == pytest.approx(turns, abs=1e-4)


def test_a_spectrum_becomes_a_game_that_has_it():
    game = Linear.of_spectrum([-0.1 + 2j, -0.1 - 2j, 0.3j, -0.5])
    found = np.linalg.eigvals(game.matrix)
    assert np.sort_complex(found) == pytest.approx(np.sort_complex([-0.1 + 2j, -0.1 - 2j, 0.3j, -0.3j, -0.5, -0.5]))
    assert game.generators == 3
    assert frequency(game.matrix) == pytest.approx(2.0)


def test_a_pair_of_eigenvalues_is_the_quadratic_game():
    assert np.array_equal(Linear.of_spectrum([-0.1 + 1j]).matrix, Quadratic(0.1).jacobian(np.zeros(2)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quadratic(-1.0), "damping: -1.0 is not accepted; expected a number of at least 0"),
        (lambda: Bilinear(coupling=np.nan), "coupling: nan is not accepted"),
        (lambda: Dirac(gamma=float("inf")), "gamma: inf is not accepted"),
        (lambda: Dirac(loss="minmax"), "loss: unknown 'minmax' (did you mean 'minimax'?)"),
        (lambda: Linear(np.ones((2, 3)), 1), "matrix: "),
        (lambda: Linear(np.eye(2), 3), "generators: "),
        (lambda: Linear.of_spectrum([]), "eigenvalues: "),
    ],
)
def test_what_is_no_game_is_refused(make, message):
    with pytest.raises(PhaseError) as raised:
        make()
    assert message in str(raised.value)

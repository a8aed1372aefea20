"""Reference games: two players' vector fields with closed-form Jacobians, the ground truth of every diagnostic.

They stand in ``lab.diagnostics``, where the command line and the reports may import them as well as ``gan``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.phase.errors import number, refuse, unknown, whole

Floats: TypeAlias = NDArray[np.float64]
LossName: TypeAlias = Literal["non_saturating", "minimax", "wasserstein", "least_squares"]


class Game(Protocol):
    """Two players whose steps follow one vector field: a step of rate η adds ηv(x) to the player's own coordinates."""

    @property
    def generators(self) -> int:
        """How many coordinates, the first ones, are the generator's; the others are the discriminator's."""

    @property
    def equilibrium(self) -> Floats:
        """x* with v(x*) = 0, float64[n]."""

    def field(self, x: Floats) -> Floats:
        """v(x): minus the gradient of each player's own loss by its own coordinates, float64[..., n]."""

    def jacobian(self, x: Floats) -> Floats:
        """∂v/∂x in closed form, float64[..., n, n]."""


def _at_least_zero(name: str, value: float) -> float:
    found = number(name, value)
    if found < 0:
        raise refuse(name, value, "a number of at least 0")
    return found


@dataclass(frozen=True, eq=False)
class Linear:
    """v(x) = Jx for a given matrix: a game near its equilibrium, or what was measured of a run.

    Args:
        matrix: J, float64[n, n].
        generators: how many of the n coordinates, the first ones, are the generator's.
    """

    matrix: Floats
    generators: int

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
            raise refuse("matrix", f"an array of shape {matrix.shape}", "a square matrix of finite numbers")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "generators", whole("generators", self.generators, 0, len(matrix)))

    @classmethod
    def of_spectrum(cls, eigenvalues: ArrayLike) -> Linear:
        """The game of a measured spectrum: for every λ = −μ ± iω two players turning around each other.

            J = [[−M, −Ω], [Ω, −M]],   M = diag(μ),  Ω = diag(ω)

        Eigenvalues do not tell how the damping is shared: here both players have the same. Where the matrix itself is
        known, ``Linear(matrix, generators)`` is the better model.

        Args:
            eigenvalues: complex[k], of ∂v/∂x; of a conjugate pair either one or both may be given. A real eigenvalue is
                a pair that does not turn.
        """
        found = np.atleast_1d(np.asarray(eigenvalues, dtype=np.complex128))
        if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
            raise refuse("eigenvalues", f"an array of shape {found.shape}", "a list of finite complex numbers")
        upper = np.unique(found.real + 1j * np.abs(found.imag))
        damping, turning = np.diag(upper.real), np.diag(upper.imag)
        return cls(np.block([[damping, -turning], [turning, damping]]), len(upper))

    @property
    def equilibrium(self) -> Floats:
        """The origin."""
        return np.zeros(len(self.matrix))

    def field(self, x: Floats) -> Floats:
        """Jx."""
        return x @ self.matrix.T

    def jacobian(self, x: Floats) -> Floats:
        """J, the same everywhere."""
        return np.broadcast_to(self.matrix, (*x.shape[:-1], *self.matrix.shape))


def apart(game: Game) -> list[Game]:
    """The games that a game's linearisation falls apart into: coordinates that never meet, such as a spectrum's pairs.

    A cycle's multipliers are those of all of them together, and small products are far cheaper than one large.
    """
    jacobian = game.jacobian(game.equilibrium)
    if len(jacobian) <= 2:
        return [game]
    from scipy.sparse.csgraph import connected_components

    count, place = connected_components(jacobian != 0, directed=False)
    if count == 1:
        return [game]
    groups = [np.flatnonzero(place == group) for group in range(count)]
    return [Linear(jacobian[np.ix_(own, own)], int((own < game.generators).sum())) for own in groups]


@dataclass(frozen=True)
class Quadratic:
    """min over x, max over y of  μx²/2 + cxy − μy²/2:  v = (−μx − cy, cx − μy), eigenvalues −μ ± ic.

    Attributes:
        damping: μ, at least 0.
        coupling: c, the frequency of the rotation in radians a unit of time; a step of rate η is a time η.
    """

    damping: float = 0.1
    coupling: float = 1.0
    generators: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "damping", _at_least_zero("damping", self.damping))
        object.__setattr__(self, "coupling", number("coupling", self.coupling))

    @property
    def equilibrium(self) -> Floats:
        """(0, 0)."""
        return np.zeros(2)

    def field(self, x: Floats) -> Floats:
        """(−μx − cy, cx − μy)."""
        g, d = x[..., 0], x[..., 1]
        return np.stack([-self.damping * g - self.coupling * d, self.coupling * g - self.damping * d], axis=-1)

    def jacobian(self, x: Floats) -> Floats:
        """[[−μ, −c], [c, −μ]], the same everywhere."""
        matrix = np.array([[-self.damping, -self.coupling], [self.coupling, -self.damping]])
        return np.broadcast_to(matrix, (*x.shape[:-1], 2, 2))


@dataclass(frozen=True)
class Bilinear(Quadratic):
    """min over x, max over y of  cxy: the game that only rotates, eigenvalues ±ic; damped it is the quadratic game."""

    damping: float = 0.0


@dataclass(frozen=True)
class Slopes:
    """A GAN loss by the output u of the discriminator for a generated sample: first and second derivatives by u.

    Attributes:
        discriminator: of its loss on generated samples.
        discriminator_curve: the derivative of that.
        generator: of the generator's loss.
        generator_curve: the derivative of that.
    """

    discriminator: Callable[[Floats], Floats]
    discriminator_curve: Callable[[Floats], Floats]
    generator: Callable[[Floats], Floats]
    generator_curve: Callable[[Floats], Floats]


def _sigmoid(u: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * u))  # overflows nowhere


def _bump(u: Floats) -> Floats:
    return _sigmoid(u) * _sigmoid(-u)


LOSSES: Mapping[LossName, Slopes] = {
    "non_saturating": Slopes(_sigmoid, _bump, lambda u: -_sigmoid(-u), _bump),
    "minimax": Slopes(_sigmoid, _bump, lambda u: -_sigmoid(u), lambda u: -_bump(u)),
    "wasserstein": Slopes(np.ones_like, np.zeros_like, lambda u: -np.ones_like(u), np.zeros_like),
    "least_squares": Slopes(lambda u: u + 0.5, np.ones_like, lambda u: u - 0.5, np.ones_like),
}
"""The losses of ``gan.losses``. Least squares has labels 0 and 1, and a discriminator ½ + u that answers ½ at rest."""


@dataclass(frozen=True)
class Dirac:
    """The Dirac-GAN (Mescheder, Geiger and Nowozin 2018, arXiv 1801.04406, section 2): the smallest GAN.

    The data are the point 0, the generator puts a point at θ, the discriminator is D(x) = ψx; x = (θ, ψ), u = ψθ:

        v = (−g′(u)ψ − μθ,  −d′(u)θ − (γ + μ)ψ)

    with the generator's loss g(u) and the discriminator's d(u) (:data:`LOSSES`). At (0, 0), with s = d′(0) = −g′(0)
    (1 for Wasserstein, else ½), the eigenvalues are −μ − γ/2 ± √(γ²/4 − s²): for s = ½ critical at γ = 1.

    Attributes:
        gamma: γ, weight of R1, (γ/2)·D′(0)² (section 4.1), at least 0.
        loss: a word of :data:`LOSSES`.
        damping: μ, weight decay of both players, at least 0.
    """

    gamma: float = 0.0
    loss: LossName = "non_saturating"
    damping: float = 0.0
    generators: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", _at_least_zero("gamma", self.gamma))
        object.__setattr__(self, "damping", _at_least_zero("damping", self.damping))
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)

    @property
    def equilibrium(self) -> Floats:
        """(0, 0)."""
        return np.zeros(2)

    def field(self, x: Floats) -> Floats:
        """(−g′(u)ψ − μθ, −d′(u)θ − (γ + μ)ψ)."""
        loss, theta, psi = LOSSES[self.loss], x[..., 0], x[..., 1]
        u = psi * theta
        return np.stack(
            [
                -loss.generator(u) * psi - self.damping * theta,
                -loss.discriminator(u) * theta - (self.gamma + self.damping) * psi,
            ],
            axis=-1,
        )

    def jacobian(self, x: Floats) -> Floats:
        """[[−g″ψ² − μ, −g″u − g′], [−d″u − d′, −d″θ² − γ − μ]] at u = ψθ."""
        loss, theta, psi = LOSSES[self.loss], x[..., 0], x[..., 1]
        u = psi * theta
        generator, discriminator = loss.generator_curve(u), loss.discriminator_curve(u)
        rows = [
            [-generator * psi**2 - self.damping, -generator * u - loss.generator(u)],
            [
                -discriminator * u - loss.discriminator(u),
                -discriminator * theta**2 - self.gamma - self.damping,
            ],
        ]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def frequency(matrix: Floats) -> Floats:
    """ω of the fastest rotation, the largest |Im λ| of Jacobians [..., n, n], in radians a unit of time; float64[...].

    0 without rotation: at a critical point, two equal eigenvalues, rounding leaves imaginary parts of about √ε.
    """
    imaginary = np.abs(np.linalg.eigvals(matrix).imag).max(axis=-1)
    least = 4 * math.sqrt(np.finfo(np.float64).eps) * np.abs(matrix).max(axis=(-2, -1))
    return np.where(imaginary > least, imaginary, 0.0)

"""The optimisation inside self-paced learning: a Gaussian moves within a divergence from where it is.

All is written in units of the present distribution p, which is then the standard normal; contexts are c = m_p + L_p·e.
Another Gaussian q is x = (u, log of B's diagonal, the rest of B by rows), with mean u and factor B in these units:
every x is a Gaussian, and KL(q ‖ p) is the same round valley whatever p is, so that the optimiser needs few steps.
With z = B⁻¹(e − u), y = B⁻ᵀz, and another Gaussian of mean a and covariance S

    ∇ log q(e)     with respect to u: y                  to B: y zᵀ − diag(1/B)
    ∇ KL(q ‖ ·)    with respect to u: S⁻¹(u − a)         to B: S⁻¹B − diag(1/B)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from curricula.difficulty import FloatArray
from curricula.teachers.gaussian import Gaussian

Valued: TypeAlias = tuple[float, FloatArray]
"""A number, and its gradient with respect to x."""
SLACK = 1e-9
"""By how much a constraint may be missed by rounding."""
LARGEST = 50.0
"""The logarithm of a weight q/p is cut here, where the optimiser tries an x far away."""


@dataclass(frozen=True)
class Move:
    """From one Gaussian to the next.

    Attributes:
        start: p, where it is.
        contexts: c, of episodes drawn from p, float64[k, d].
        scores: v, their performance, float64[k].
        max_kl: the largest KL(q ‖ p).
        narrowest: the least standard deviation.
    """

    start: Gaussian
    contexts: FloatArray
    scores: FloatArray
    max_kl: float
    narrowest: float

    def towards(self, target: Gaussian, threshold: float) -> Gaussian:
        """The q nearest to the target whose performance reaches the threshold, which p's must."""
        away = self.start.divergence(target)
        if away < SLACK:
            return self.start
        factor = np.asarray(np.linalg.solve(self.start.factor, target.factor), dtype=np.float64)
        goal = Gaussian(self.start.whitened(target.mean[None])[0], factor)
        return self._best(lambda x: _scaled(divergence(x, goal), 1.0 / away), [lambda x: self._spare(x, threshold)])

    def to_better(self) -> Gaussian:
        """The q of the best performance."""
        scale = 1.0 / (float(np.abs(self.scores).max()) or 1.0)
        return self._best(lambda x: _scaled(self.performance(x), -scale), [])

    def performance(self, x: FloatArray) -> Valued:
        """J(q), weighted by q/p."""
        d = self.contexts.shape[1]
        e, q, p = self.start.whitened(self.contexts), unpacked(x, d), Gaussian.round(0.0, 1.0, d)
        share = np.exp(np.minimum(q.log_density(e) - p.log_density(e), LARGEST)) * self.scores / len(self.scores)
        z = q.whitened(e)
        y = np.linalg.solve(q.factor.T, z.T).T
        by_factor = (share[:, None] * y).T @ z - share.sum() * np.diag(1.0 / np.diag(q.factor))
        return float(share.sum()), _gradient(share @ y, by_factor, q)

    def _spare(self, x: FloatArray, threshold: float) -> Valued:
        """By how much the performance is above the threshold."""
        value, gradient = self.performance(x)
        return value - threshold, gradient

    def _near(self, x: FloatArray) -> Valued:
        """By how much KL(q ‖ p) is below its limit."""
        value, gradient = divergence(x, Gaussian.round(0.0, 1.0, len(self.start.mean)))
        return self.max_kl - value, -gradient

    def _best(self, objective: Callable[..., Valued], more: list[Callable[..., Valued]]) -> Gaussian:
        """The least objective, where the divergence is within its limit and every constraint of ``more`` is ≥ 0."""
        from scipy.optimize import minimize

        def split(of: Callable[..., Valued]) -> Any:
            return {"type": "ineq", "fun": lambda x: of(x)[0], "jac": lambda x: of(x)[1]}

        constraints = [self._near, *more]
        begin = packed(Gaussian.round(0.0, 1.0, len(self.start.mean)))
        end: FloatArray = minimize(
            objective,
            begin,
            jac=True,
            method="SLSQP",
            bounds=self._bounds(),
            constraints=[*map(split, constraints), self._means()],
            options={"maxiter": 100, "ftol": 1e-10},
        ).x
        # What the optimiser answers may miss a constraint; the start misses none, and so does part of the way.
        for part in 0.5 ** np.arange(30):
            x = begin + part * (end - begin)
            if all(of(x)[0] >= -SLACK for of in constraints) and objective(x)[0] < objective(begin)[0]:
                return self._placed(x)
        return self.start

    def _placed(self, x: FloatArray) -> Gaussian:
        """The Gaussian over contexts that x is."""
        q, p = unpacked(x, len(self.start.mean)), self.start
        return Gaussian(p.mean + p.factor @ q.mean, p.factor @ q.factor)

    def _means(self) -> Any:
        """The mean of q is a difficulty on every axis: m ≥ 0 and 1 − m ≥ 0."""
        mean, factor = self.start.mean, self.start.factor
        d = len(mean)
        gradient = np.zeros((2 * d, d + d * (d + 1) // 2))
        gradient[:, :d] = np.concatenate((factor, -factor))
        return {
            "type": "ineq",
            "fun": lambda x: np.concatenate((mean + factor @ x[:d], 1.0 - mean - factor @ x[:d])),
            "jac": lambda x: gradient,
        }

    def _bounds(self) -> list[tuple[float | None, float | None]]:
        """On x: the diagonal of q's factor over contexts, L_p·B, lies between the narrowest and 1."""
        own = np.diag(self.start.factor)
        free: list[tuple[float | None, float | None]] = [(None, None)]
        d = len(own)
        diagonal = zip(np.log(self.narrowest / own).tolist(), np.log(1.0 / own).tolist(), strict=True)
        return [*free * d, *((min(low, 0.0), max(high, 0.0)) for low, high in diagonal), *free * (d * (d - 1) // 2)]


def packed(gaussian: Gaussian) -> FloatArray:
    """A Gaussian as x."""
    factor = gaussian.factor
    return np.concatenate((gaussian.mean, np.log(np.diag(factor)), factor[_below(len(factor))]))


def unpacked(x: FloatArray, d: int) -> Gaussian:
    """The Gaussian that x is, over d axes."""
    factor = np.diag(np.exp(x[d : 2 * d]))
    factor[_below(d)] = x[2 * d :]
    return Gaussian(x[:d].copy(), factor)


def divergence(x: FloatArray, other: Gaussian) -> Valued:
    """KL(q ‖ other)."""
    q = unpacked(x, len(other.mean))
    precision = np.linalg.inv(other.factor @ other.factor.T)
    by_factor = precision @ q.factor - np.diag(1.0 / np.diag(q.factor))
    return q.divergence(other), _gradient(precision @ (q.mean - other.mean), by_factor, q)


def _gradient(by_mean: FloatArray, by_factor: FloatArray, q: Gaussian) -> FloatArray:
    """With respect to x: the diagonal is given by its logarithm."""
    return np.concatenate((by_mean, np.diag(by_factor) * np.diag(q.factor), by_factor[_below(len(by_mean))]))


def _below(d: int) -> tuple[Any, Any]:
    """The entries of a lower triangle without its diagonal, by rows."""
    rows, columns = np.tril_indices(d, -1)
    return rows, columns


def _scaled(valued: Valued, factor: float) -> Valued:
    return factor * valued[0], factor * valued[1]

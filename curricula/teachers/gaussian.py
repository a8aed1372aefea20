"""Gaussians over difficulties: what the teachers that draw from them share. Arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from curricula.difficulty import FloatArray


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution over contexts c, float64[d]; its draws are clipped to difficulties, [0, 1].

    Attributes:
        mean: m, float64[d].
        factor: L, lower triangular, with the covariance LLᵀ; float64[d, d].
    """

    mean: FloatArray
    factor: FloatArray

    @classmethod
    def round(cls, at: float, std: float, axes: int) -> Self:
        """The same mean and standard deviation on each axis, independently."""
        return cls(np.full(axes, float(at)), std * np.eye(axes))

    def whitened(self, contexts: FloatArray) -> FloatArray:
        """L⁻¹(c − m) of each context, float64[k, d]."""
        return np.asarray(np.linalg.solve(self.factor, (contexts - self.mean).T).T, dtype=np.float64)

    def log_density(self, contexts: FloatArray) -> FloatArray:
        """Up to the constant −d/2·log 2π, float64[k]."""
        exponent: FloatArray = -0.5 * np.square(self.whitened(contexts)).sum(axis=1)
        return exponent - float(np.log(np.diag(self.factor)).sum())

    def divergence(self, other: Gaussian) -> float:
        """KL(self ‖ other) in nats."""
        spread = np.linalg.solve(other.factor, self.factor)
        shift = np.linalg.solve(other.factor, self.mean - other.mean)
        logs = np.log(np.diag(other.factor)) - np.log(np.diag(self.factor))
        return float(0.5 * (np.square(spread).sum() + np.square(shift).sum() - len(self.mean)) + logs.sum())

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n draws, clipped, float64[n, d]."""
        drawn = self.mean + rng.standard_normal((n, len(self.mean))) @ self.factor.T
        return np.clip(drawn, 0.0, 1.0)

    def clipped_mean(self) -> float:
        """The mean of clipped draws over all axes: E min(max(x, 0), 1) = 1 − F(1) + m·(F(1) − F(0)) + s·(f(0) − f(1)).

        f(x) and F(x) are the standard normal density and distribution at (x − m)/s.
        """
        total = 0.0
        for m, s in zip(self.mean.tolist(), np.linalg.norm(self.factor, axis=1).tolist(), strict=True):
            lowest, highest = ((bound - m) / s for bound in (0.0, 1.0))
            inside = _below(highest) - _below(lowest)
            total += 1.0 - _below(highest) + m * inside + s * (_bell(lowest) - _bell(highest))
        return min(max(total / len(self.mean), 0.0), 1.0)

    def to_state(self) -> dict[str, Any]:
        """As JSON values."""
        return {"mean": self.mean.tolist(), "factor": self.factor.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """From ``to_state``, exactly."""
        return cls(np.array(state["mean"], dtype=np.float64), np.array(state["factor"], dtype=np.float64))


def _below(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def _bell(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

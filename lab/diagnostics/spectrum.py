"""The spectrum of a game: eigenvalues of its vector field's Jacobian, and what they mean for steps of a given size.

Each player follows its own loss's gradient. With v(w) both gradients one after the other and J its Jacobian at w, small
steps of size η multiply a deviation along an eigenvector by 1 − η λ. The real part of λ draws it in (below 0 it drives
it away), the imaginary part turns it round, once in 2π/(η |Im λ|) steps. A minimisation has real eigenvalues only
(Mescheder et al. 2017, arXiv 1705.10461).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from torch import Tensor

SMALL = 32
"""Up to so many numbers the whole matrix is cheaper than an iteration."""
Complexes = NDArray[np.complex128]
Which = Literal["LM", "LR", "SR", "LI"]
"""SciPy's words: the largest in modulus, the largest and the smallest real part, the largest imaginary part."""


def jacobian(slopes: Sequence[Tensor], parameters: Sequence[Tensor]) -> LinearOperator:
    """The Jacobian ``J`` of a vector field as products ``J u``, each by one more backward pass.

    ``Jᵀ w`` is linear in w, and its derivative by w along u is ``J u``: reverse mode alone, whatever the field is made
    of, gradient penalties for one.

    Args:
        slopes: the field at the present point, with its graph: for each parameter a tensor of its shape.
        parameters: what it is differentiated by, n numbers in all.

    Returns:
        [n, n], float64 outside; the products are computed in the parameters' own precision.
    """
    size = sum(parameter.numel() for parameter in parameters)
    field = torch.cat([slope.flatten() for slope in slopes])
    dual = torch.zeros_like(field, requires_grad=True)
    curved = field.requires_grad
    turned = torch.autograd.grad(field, parameters, dual, create_graph=True, materialize_grads=True) if curved else ()
    back = torch.cat([part.flatten() for part in turned]) if curved else field

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        if not back.requires_grad:  # a constant field
            return np.zeros(size)
        along = torch.from_numpy(np.ascontiguousarray(vector).reshape(size)).to(field)
        (found,) = torch.autograd.grad(back, dual, along, retain_graph=True, materialize_grads=True)
        return np.asarray(found.double().cpu().numpy())

    return LinearOperator((size, size), matvec=product, dtype=np.float64)


def leading(
    operator: LinearOperator, count: int = 6, *, which: Which = "LM", seed: int = 0, tolerance: float = 1e-8
) -> Complexes:
    """Some eigenvalues of an operator that need not be symmetric, by Arnoldi's method (SciPy's ARPACK).

    Args:
        operator: [n, n].
        count: how many, at least 1.
        which: the order.
        seed: of the vector that the iteration starts with; the same answer every time.
        tolerance: relative, of an eigenvalue.

    Returns:
        complex128[at most count], in the order asked for; those that did not converge are left out, so it may be empty.
    """
    size = operator.shape[0]
    start = np.random.default_rng(seed).standard_normal(size)
    along = operator.matvec(start)
    if not np.isfinite(along).all():
        return np.empty(0, np.complex128)
    if not along.any():  # the field is flat here; ARPACK refuses it
        return np.zeros(min(count, size), np.complex128)
    if size <= max(SMALL, count + 2):
        return _first(np.linalg.eigvals(operator.matmat(np.eye(size))), count, which)
    try:
        found: NDArray[np.number] = eigs(
            operator, k=count, which=which, v0=start, tol=tolerance, return_eigenvectors=False
        )
    except ArpackNoConvergence as error:
        found = error.eigenvalues
    return _first(np.asarray(found, np.complex128), count, which)


def _first(values: Complexes, count: int, which: Which) -> Complexes:
    keys = {
        "LM": -np.abs(values),
        "SM": np.abs(values),
        "LR": -values.real,
        "SR": values.real,
        "LI": -np.abs(values.imag),
    }
    return values[np.lexsort((values.imag, keys[which]))][:count]


@dataclass(frozen=True)
class Turn:
    """What one eigenvalue does to a deviation, at steps of one size.

    Attributes:
        value: λ.
        factor: |1 − η λ|, by which a simultaneous gradient step multiplies it; above 1 it grows.
        period: steps of one turn, 2π / |arg(1 − η λ)|; infinite where it does not turn.
    """

    value: complex
    factor: float
    period: float


def turn(value: complex, rate: float) -> Turn:
    """See :class:`Turn`.

    Args:
        value: an eigenvalue of the Jacobian.
        rate: η ≥ 0, the size of a step of plain gradient descent by both players.
    """
    multiplier = 1 - rate * complex(value)
    angle = abs(math.atan2(multiplier.imag, multiplier.real))
    return Turn(complex(value), abs(multiplier), 2 * math.pi / angle if angle > 0 else math.inf)

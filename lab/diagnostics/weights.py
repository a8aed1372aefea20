"""How a network's weights move in a step, and in how many directions a layer works: tensors in, tensors out.

With w₀ the initial weights, w and w′ those before and after a step, Δ = w′ − w, and Δ₋ what the step before changed:

    ratio = ‖Δ‖ / ‖w‖        cosine = ⟨Δ, Δ₋⟩ / (‖Δ‖ ‖Δ₋‖)        distance = ‖w′ − w₀‖

each of all weights as one vector. With a ratio far above 10⁻³ weights are thrown about, far below they hardly learn (a
rule of thumb). A cosine near 1 goes straight on, near −1 to and fro. With σ₁ ≥ σ₂ ≥ … the singular values of a layer,

    stable rank = Σ σᵢ² / σ₁²,  from 1 (one direction is all there is) to the rank (all count alike)

(Rudelson & Vershynin 2007, J. ACM 54:21; Sanyal et al. 2020, arXiv 1906.04659). A generator's σ₁ that explodes is a
sign of the collapse of large GANs (Brock et al. 2019, arXiv 1809.11096, section 4.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator
from torch import Tensor, nn

from lab.diagnostics.curvature import leading_eigenvalues

DENSE = 1024
"""Up to so many rows or columns, whichever are fewer, all eigenvalues of a Gram matrix are computed."""
CLOSE = 1e-8
"""Relative error of σ₁² by the iteration."""


def flat(weights: Iterable[Tensor]) -> Tensor:
    """A copy of all weights one after another, [n], without their graph."""
    return torch.cat([weight.detach().flatten() for weight in weights])


def move(start: Tensor, before: Tensor, after: Tensor, last: Tensor | None) -> Tensor:
    """Ratio, cosine and distance of one step, float64[3], where the weights lie; nothing waits for the device.

    Args:
        start, before, after: w₀, w and w′, [n].
        last: Δ₋, [n]; None where it is not known.

    Returns:
        The cosine lies in [−1, 1] up to rounding. It is NaN where either step moved nothing or the last is not known,
        and the ratio where all weights were 0.
    """
    update = after.double() - before.double()
    size, none = update.norm(), update.new_full((), torch.nan)
    cosine = none if last is None else torch.dot(update, last.double()) / (size * last.double().norm())
    ratio = size / before.double().norm()
    return torch.stack([torch.where(ratio.isfinite(), ratio, none), cosine, (after.double() - start.double()).norm()])


@dataclass(frozen=True)
class Singular:
    """The singular values of a matrix in two numbers.

    Attributes:
        largest: σ₁ ≥ 0, to 1e-6 of it.
        stable_rank: from 1 to the number of rows or columns; NaN of a matrix of zeros.
    """

    largest: float
    stable_rank: float


@torch.no_grad()
def singular(matrix: Tensor) -> Singular:
    """Largest singular value and stable rank of a matrix [rows, columns], in double precision.

    By the eigenvalues of A Aᵀ, or of Aᵀ A where that is smaller; beyond :data:`DENSE` by Lanczos' method. Both numbers
    are NaN of a matrix that is not finite, or where the iteration did not converge.
    """
    wide = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T).double()
    total = float(wide.square().sum())
    if not total < torch.inf:
        return Singular(torch.nan, torch.nan)
    if len(wide) <= DENSE:
        square = float(torch.linalg.eigvalsh(wide @ wide.T)[-1])
    else:
        square = float(leading_eigenvalues(_gram(wide), tolerance=CLOSE)[0])
    return Singular(max(square, 0.0) ** 0.5, total / square if square > 0 else torch.nan)


def _gram(wide: Tensor) -> LinearOperator:
    """A Aᵀ of a matrix A as products."""

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        along = torch.from_numpy(np.ascontiguousarray(vector).reshape(-1)).to(wide)
        return np.asarray((wide @ (wide.T @ along)).cpu().numpy())

    return LinearOperator((len(wide), len(wide)), matvec=product, rmatvec=product, dtype=np.float64)


def matrices(network: nn.Module) -> dict[str, Tensor]:
    """The matrix [out, in] of each layer that has a ``weight`` of two or more axes, by the layer's name in the network.

    A convolution's is [out, in·k·k], with groups [out, (in/groups)·k·k], and a transposed one's is brought to the same
    form. A weight under a parametrisation is the effective one, with which the layer multiplies: of spectral
    normalisation that is W/σ. To leave its vectors alone, ask while the network is in evaluation mode.
    """
    found = {}
    for name, layer in network.named_modules():
        weight = getattr(layer, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1:
            if getattr(layer, "transposed", False):  # [in, out/groups, …]
                weight = weight.reshape(layer.groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
            found[name] = weight.detach().flatten(1)
    return found

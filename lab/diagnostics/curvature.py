"""How sharply a loss curves and how noisy its gradient is: the Hessian's leading eigenvalues, and the noise scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

SMALL = 32
"""Up to so many numbers the whole matrix is cheaper than an iteration."""


def hessian(loss: Tensor, parameters: Sequence[Tensor]) -> LinearOperator:
    """The Hessian ``H`` of a loss as products ``H v``, each by one more backward pass (Pearlmutter 1994).

    Args:
        loss: a scalar with its graph, which is kept alive by the operator.
        parameters: what it is differentiated by, n numbers in all; those that it does not depend on have rows of zeros.

    Returns:
        Symmetric, [n, n], float64 outside; the products are computed in the parameters' own precision.
    """
    slopes = torch.autograd.grad(loss, list(parameters), create_graph=True, materialize_grads=True)
    sizes = [parameter.numel() for parameter in parameters]
    count = sum(sizes)

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        pieces = torch.split(torch.from_numpy(vector.reshape(count)).to(slopes[0]), sizes)
        along = [piece.view_as(slope) for piece, slope in zip(pieces, slopes, strict=True)]
        # A slope that is constant has no graph, and rows of zeros.
        curved = [(slope, piece) for slope, piece in zip(slopes, along, strict=True) if slope.requires_grad]
        if not curved:
            return np.zeros(count)
        outputs, directions = zip(*curved, strict=True)
        return _flat(
            torch.autograd.grad(outputs, list(parameters), directions, retain_graph=True, materialize_grads=True)
        )

    return LinearOperator((count, count), matvec=product, rmatvec=product, dtype=np.float64)


def leading_eigenvalues(
    operator: LinearOperator, count: int = 1, *, seed: int = 0, tolerance: float = 1e-3, products: int = 2000
) -> NDArray[np.float64]:
    """The largest eigenvalues of a symmetric operator by Lanczos' method (SciPy's ARPACK).

    Of a loss's Hessian the largest is the sharpness that gradient descent at a rate η pushes towards 2/η (Cohen et al.
    2021, arXiv 2103.00065).

    Args:
        operator: [n, n].
        count: how many, at least 1; below n.
        seed: of the vector that the iteration starts with; the same answer every time.
        tolerance: relative, of an eigenvalue.
        products: at most about so many.

    Returns:
        float64[count], the largest first; NaN where it did not converge, or where a product was not finite.
    """
    size = operator.shape[0]
    start = np.random.default_rng(seed).standard_normal(size)
    along = operator.matvec(start)
    if not np.isfinite(along).all():
        return np.full(count, np.nan)
    if not along.any():  # of a flat loss; ARPACK refuses it
        return np.zeros(count)
    if size <= max(SMALL, 2 * count + 1):
        return np.linalg.eigvalsh(operator.matmat(np.eye(size)))[::-1][:count]
    try:
        found = eigsh(
            operator, k=count, which="LA", v0=start, tol=tolerance, maxiter=products // 10, return_eigenvectors=False
        )
    except ArpackNoConvergence:
        return np.full(count, np.nan)
    return np.sort(found)[::-1]


@dataclass(frozen=True)
class GradientNoise:
    """A gradient against its own noise (McCandlish et al. 2018, arXiv 1812.06162, appendix A).

    Attributes:
        signal: estimate without bias of |G|², the squared norm of the true gradient; below 0 where noise hides it.
        variance: estimate without bias of tr Σ, the variance of one sample's gradient summed over parameters.
    """

    signal: float
    variance: float

    @property
    def scale(self) -> float:
        """B = tr Σ / |G|², in samples: a batch far smaller is mostly noise; infinite where no signal is seen."""
        return self.variance / self.signal if self.signal > 0 else float("inf")


def gradient_noise(gradients: NDArray[np.floating], batch_size: int) -> GradientNoise:
    """Signal and noise of a gradient from those of several batches.

    Args:
        gradients: [batches, n], of disjoint batches drawn alike, at least two.
        batch_size: samples in each.

    Raises:
        ValueError: fewer than two batches.
    """
    if len(gradients) < 2:
        raise ValueError(f"gradients: {len(gradients)} batch is not accepted; at least two are")
    among = float(gradients.var(axis=0, ddof=1, dtype=np.float64).sum())
    mean = gradients.mean(axis=0, dtype=np.float64)
    return GradientNoise(signal=float(mean @ mean) - among / len(gradients), variance=among * batch_size)


def gradient_of(loss: Tensor, parameters: Sequence[Tensor]) -> NDArray[np.float64]:
    """The gradient, float64[n]; zeros for parameters that the loss does not depend on. No ``.grad`` is touched."""
    return _flat(torch.autograd.grad(loss, list(parameters), materialize_grads=True))


def _flat(parts: Sequence[Tensor]) -> NDArray[np.float64]:
    return torch.cat([part.detach().flatten() for part in parts]).double().cpu().numpy()

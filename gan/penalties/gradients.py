"""Slopes of the discriminator with respect to its input, sample by sample, that can themselves be differentiated.

They run eagerly: double backward does not pass through ``torch.compile``. Each output must depend on its own input
alone, so a discriminator with batch statistics has no such slope.
"""

from __future__ import annotations

import torch
from torch import Tensor


def squared_slope(outputs: Tensor, inputs: Tensor) -> Tensor:
    """‖∇ₓD(x)‖² of each output, float[n]; R1 (Mescheder et al. 2018, eq. 9) is half its mean times γ.

    Args:
        outputs: D's outputs, float[n], computed from ``inputs`` with gradients on.
        inputs: float[m, …], a tensor that requires gradients; m is a multiple of n where samples are packed.
    """
    return _gradients(outputs, inputs).square().sum(dim=1)


def slope(outputs: Tensor, inputs: Tensor) -> Tensor:
    """‖∇ₓD(x)‖ of each output, float[n]; where it is 0, as where every ReLU is off, its own gradient is taken as 0.

    Args:
        outputs: as of :func:`squared_slope`.
        inputs: as of :func:`squared_slope`.
    """
    length: Tensor = torch.linalg.vector_norm(_gradients(outputs, inputs), dim=1)
    return length


def _gradients(outputs: Tensor, inputs: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return gradient.reshape(len(outputs), -1)

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
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return gradient.square().reshape(len(outputs), -1).sum(dim=1)

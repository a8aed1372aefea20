"""Penalties on the discriminator's gradient with respect to its input."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_gradient(outputs: Tensor, inputs: Tensor) -> Tensor:
    """E‖∇ₓD(x)‖², a scalar that can itself be differentiated; R1 (Mescheder et al. 2018, eq. 9) is half of it times γ.

    Each output must depend on its own input alone, so a discriminator with batch statistics has no such gradient.
    Runs eagerly: double backward does not pass through ``torch.compile``.

    Args:
        outputs: D's outputs, float[n], computed from ``inputs`` with gradients on.
        inputs: float[n, …], a tensor that requires gradients.
    """
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return gradient.square().sum() / len(inputs)

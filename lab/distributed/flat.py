"""Tensors as one vector, and back: what is sent at once, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """All numbers in order, float[n]; an empty vector of none."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]) if tensors else torch.zeros(0)


@torch.no_grad()
def spread_over(vector: Tensor, tensors: Sequence[Tensor]) -> None:
    """Copy a vector of :func:`joined` back into tensors, in place."""
    parts = torch.split(vector, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def weights(models: Sequence[nn.Module]) -> list[Tensor]:
    """Parameters of all models."""
    return [parameter.detach() for model in models for parameter in model.parameters()]


def statistics(models: Sequence[nn.Module]) -> list[Tensor]:
    """Buffers that are no whole numbers, such as BatchNorm's running statistics."""
    return [buffer for model in models for buffer in model.buffers() if buffer.is_floating_point()]

"""Fully connected players, for points in the plane."""

from __future__ import annotations

import math

from torch import nn

Shape = tuple[int, ...]


def layers(inputs: int, outputs: int, width: int, depth: int, activation: type[nn.Module]) -> list[nn.Module]:
    """``depth`` hidden layers of ``width`` units, each followed by ``activation``, and a linear output."""
    stack: list[nn.Module] = []
    for _ in range(depth):
        stack += [nn.Linear(inputs, width), activation()]
        inputs = width
    return [*stack, nn.Linear(inputs, outputs)]


def generator(latent: int, shape: Shape, width: int, depth: int) -> nn.Sequential:
    """Points without bound for data in the plane, tanh for images (shape of three axes)."""
    stack = layers(latent, math.prod(shape), width, depth, nn.ReLU)
    if len(shape) > 1:
        stack += [nn.Tanh(), nn.Unflatten(1, shape)]
    return nn.Sequential(*stack)


def discriminator(shape: Shape, width: int, depth: int) -> nn.Sequential:
    """One logit a sample."""
    flatten: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
    return nn.Sequential(*flatten, *layers(math.prod(shape), 1, width, depth, nn.ReLU), nn.Flatten(0))

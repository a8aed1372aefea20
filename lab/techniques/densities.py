"""How many weights each layer of a sparse network keeps, from the shapes of its layers and the density of them all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

Shape: TypeAlias = Sequence[int]
"""Of a weight as torch has it: outputs, inputs, and for convolutions the sides of the kernel."""
Distribution = Literal["uniform", "erdos_renyi", "erdos_renyi_kernel"]


def uniform(shape: Shape) -> float:
    """1: every layer is as dense as any other."""
    return 1.0


def erdos_renyi(shape: Shape) -> float:
    """(n_in + n_out) / (n_in · n_out) (SET, Mocanu et al. 2018, equation 1)."""
    outputs, inputs = shape[:2]
    return (inputs + outputs) / (inputs * outputs)


def erdos_renyi_kernel(shape: Shape) -> float:
    """(n_in + n_out + w + h) / (n_in · n_out · w · h) (RigL, Evci et al. 2020, section 3.1)."""
    return sum(shape) / math.prod(shape)


RATIOS: Mapping[Distribution, Callable[[Shape], float]] = {
    "uniform": uniform,
    "erdos_renyi": erdos_renyi,
    "erdos_renyi_kernel": erdos_renyi_kernel,
}
"""What each layer's density is proportional to, by its word in a configuration."""


def densities(shapes: Sequence[Shape], density: float, distribution: Distribution) -> list[float]:
    """The density of each layer, min(1, ε · ratio(shape)) with the ε that makes ``density`` that of all weights.

    Args:
        shapes: of the layers, at least two numbers each.
        density: in (0, 1].
        distribution: the ratios between layers.

    >>> [round(d, 3) for d in densities([(300, 784), (100, 300), (10, 100)], 0.1, "erdos_renyi_kernel")]
    [0.078, 0.226, 1.0]
    """
    ratios = [RATIOS[distribution](shape) for shape in shapes]
    sizes = [math.prod(shape) for shape in shapes]
    thin = sorted(range(len(shapes)), key=ratios.__getitem__)
    found, left = [1.0] * len(shapes), density * sum(sizes)
    while thin:
        scale = left / sum(ratios[place] * sizes[place] for place in thin)
        if scale * ratios[thin[-1]] <= 1:
            for place in thin:
                found[place] = scale * ratios[place]
            break
        left -= sizes[thin.pop()]  # a layer cannot be more than dense: the others share what it leaves
    return found


def counts(shapes: Sequence[Shape], density: float, distribution: Distribution) -> list[int]:
    """How many weights each layer keeps: its density times its size to the nearest whole number, and at least one."""
    each = densities(shapes, density, distribution)
    return [max(1, round(share * math.prod(shape))) for share, shape in zip(each, shapes, strict=True)]

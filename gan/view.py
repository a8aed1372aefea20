"""What the discriminator sees of samples: augmented, with instance noise, several of them packed into one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lab.techniques.augmentations import AugmentationPart
from lab.techniques.value import Value, on


def packed_shape(shape: Sequence[int], packing: int) -> tuple[int, ...]:
    """The shape of ``packing`` samples that the discriminator sees as one: stacked along the first axis."""
    return (packing * shape[0], *shape[1:])


def packed(samples: Tensor, packing: int) -> Tensor:
    """From [n, …] to [n / packing, …], as :func:`packed_shape` says (Lin et al. 2018)."""
    return samples.reshape(-1, *packed_shape(samples.shape[1:], packing)) if packing > 1 else samples


class View:
    """Real and generated samples as the discriminator sees them.

    Attributes:
        strength: of the augmentations, in [0, 1]; the trainer's voices set both at each step.
        noise: standard deviation of the instance noise (Sønderby et al. 2017), added to every number of a sample.
    """

    def __init__(self, augmentations: Sequence[AugmentationPart], packing: int, random: torch.Generator) -> None:
        self.strength: Value = 1.0
        self.noise: Value = 0.0
        self._augmentations = tuple(augmentations)
        self._packing = packing
        self._random = random

    def __call__(self, samples: Tensor) -> Tensor:
        """From float32[n, …] to float32[n / packing, …], :func:`packed`."""
        if on(self.strength):
            for augmentation in self._augmentations:
                samples = augmentation.apply(samples, self.strength, self._random)
        if on(self.noise):
            drawn = torch.randn(samples.shape, generator=self._random, device=samples.device)
            if isinstance(self.noise, Tensor):
                samples = torch.addcmul(samples, drawn, self.noise)
            else:
                samples = torch.add(samples, drawn, alpha=self.noise)
        return packed(samples, self._packing)

"""What a kind of augmentation is: a random change of images that gradients pass through."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.techniques.value import Value
from lab.training.parts import Part


class AugmentationPart(Part):
    """A random change of images, of real and generated ones alike (Zhao et al. 2020, section 4)."""

    augmentation: str

    def apply(self, images: Tensor, strength: Value, random: torch.Generator) -> Tensor:
        """Changed images float32[n, channels, height, width], each by its own draw.

        Args:
            images: in [−1, 1].
            strength: in [0, 1], the value of the voice `augment.strength`: 0 changes nothing, 1 is the full range; a
                tensor float32[] where the step is a CUDA graph, which nobody may look at.
            random: on the images' device; how many numbers are drawn does not depend on ``strength``.
        """
        raise NotImplementedError


def uniform(images: Tensor, random: torch.Generator) -> Tensor:
    """A number in [−1, 1) for each image, float32[n, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, generator=random, device=images.device).mul_(2).sub_(1)

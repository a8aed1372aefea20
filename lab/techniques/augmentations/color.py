"""Brightness, saturation and contrast of DiffAugment."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lab.techniques.augmentations.part import AugmentationPart, uniform
from lab.techniques.value import Value


class Color(AugmentationPart):
    """Brightness ±½, saturation ×0 … 2 (of colour images), contrast ×½ … 1½ (Zhao et al. 2020)."""

    augmentation: Literal["color"] = "color"

    def apply(self, images: Tensor, strength: Value, random: torch.Generator) -> Tensor:
        """Images with other colours, each by three numbers."""
        brightness, saturation, contrast = (uniform(images, random) * strength for _ in range(3))
        images = images + 0.5 * brightness
        if images.shape[1] > 1:
            grey = images.mean(dim=1, keepdim=True)
            images = grey + (1 + saturation) * (images - grey)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return mean + (1 + 0.5 * contrast) * (images - mean)

"""Horizontal mirroring."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lab.techniques.augmentations.part import AugmentationPart, uniform
from lab.techniques.value import Value


class Flip(AugmentationPart):
    """Mirrors an image left to right with probability strength / 2: at full strength every other one."""

    augmentation: Literal["flip"] = "flip"

    def apply(self, images: Tensor, strength: Value, random: torch.Generator) -> Tensor:
        """Some images mirrored, each by its own number."""
        return torch.where(uniform(images, random) < strength - 1, images.flip(3), images)

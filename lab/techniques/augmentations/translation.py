"""Translation and cutout of DiffAugment, which move and hide pixels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lab.techniques.augmentations.part import AugmentationPart, uniform
from lab.techniques.value import Value

FARTHEST = 1 / 8
"""Translation at full strength, as a share of the side (Zhao et al. 2020)."""
LARGEST = 1 / 2
"""Side of the hidden square at full strength, as a share of the image's."""


class Translation(AugmentationPart):
    """Shifts by whole pixels, up to an eighth of each side, each number as likely; what comes in is grey (0).

    Between whole pixels the farthest shift is rounded up or down by chance, so that its mean is that of the strength.
    """

    augmentation: Literal["translation"] = "translation"

    def apply(self, images: Tensor, strength: Value, random: torch.Generator) -> Tensor:
        """Shifted images, each by its own two numbers."""
        rows, inside_rows = self._taken(images, images.shape[2], strength, random)
        columns, inside_columns = self._taken(images, images.shape[3], strength, random)
        n, channels, height, width = images.shape
        moved = images.gather(2, rows[:, None, :, None].expand(n, channels, height, width))
        moved = moved.gather(3, columns[:, None, None, :].expand(n, channels, height, width))
        return moved * (inside_rows[:, None, :, None] & inside_columns[:, None, None, :])

    @staticmethod
    def _taken(images: Tensor, side: int, strength: Value, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """For each place along a side the place it is taken from, int64[n, side], and whether that lies inside."""
        up, place = ((uniform(images, random).flatten() + 1) / 2 for _ in range(2))
        farthest = (strength * FARTHEST * side + up).floor()
        shift = ((place * (2 * farthest + 1)).floor().minimum(2 * farthest) - farthest).long()
        taken = torch.arange(side, device=images.device) + shift[:, None]
        return taken.clamp(0, side - 1), (taken >= 0) & (taken < side)


class Cutout(AugmentationPart):
    """Hides a square of up to half the side behind grey (0); its centre lies anywhere in the image."""

    augmentation: Literal["cutout"] = "cutout"

    def apply(self, images: Tensor, strength: Value, random: torch.Generator) -> Tensor:
        """Images with a hole, each at its own place."""
        rows, columns = (self._hidden(images, side, strength, random) for side in images.shape[2:])
        return images * ~(rows[:, None, :, None] & columns[:, None, None, :])

    @staticmethod
    def _hidden(images: Tensor, side: int, strength: Value, random: torch.Generator) -> Tensor:
        """Whether each place along a side lies in the hole, bool[n, side]."""
        centre = (uniform(images, random).view(-1, 1) + 1) * (side / 2)
        places = torch.arange(side, device=images.device) + 0.5
        return (places - centre).abs() < strength * LARGEST * side / 2

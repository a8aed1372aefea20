"""Gaussians on a circle: the smallest data set on which a GAN collapses."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gan.data.mixture import MixtureData


class RingData(MixtureData):
    """Gaussians evenly spaced on a circle; eight *distinct* modes by default."""

    name: Literal["ring"] = "ring"
    modes: int = Field(8, ge=2, le=10_000, description="Gaussians on the circle, at angles 2πk/modes, k = 0 … modes−1")
    radius: float = Field(1.0, gt=0, description="radius of the circle of means")
    std: float = Field(0.02, gt=0, description="standard deviation of each Gaussian, per axis")

    def centers(self) -> Tensor:
        """The means, float32[modes, 2]: without the end point of the circle, so that all are distinct."""
        angle = torch.arange(self.modes, dtype=torch.float64) * (2 * math.pi / self.modes)
        return (torch.stack((angle.cos(), angle.sin()), dim=1) * self.radius).float()

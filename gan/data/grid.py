"""Gaussians on a square grid: more modes to lose than a ring has."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gan.data.mixture import MixtureData


class GridData(MixtureData):
    """Gaussians on a square grid centred on the origin; 25 modes by default."""

    name: Literal["grid"] = "grid"
    side: int = Field(5, ge=2, le=100, description="modes along each axis")
    spacing: float = Field(2.0, gt=0, description="distance between neighbouring means; 2 puts them on {−4, −2, …, 4}")
    std: float = Field(0.05, gt=0, description="standard deviation of each Gaussian, per axis")

    def centers(self) -> Tensor:
        """The means, float32[side², 2]."""
        axis = (torch.arange(self.side, dtype=torch.float64) - (self.side - 1) / 2) * self.spacing
        return torch.cartesian_prod(axis, axis).float()

"""A spiral: one long thin curve, which a generator tends to cover only in part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from scipy.spatial import cKDTree
from torch import Tensor

from gan.data.part import DataPart, Dataset, Shape, drawn
from gan.metrics import GOOD, host, require_finite


@dataclass(frozen=True)
class Spiral:
    """An Archimedean spiral r = radius·s, angle 2π·turns·s for s in [0, 1], blurred by ``std`` per axis.

    s is drawn as the square root of a uniform number, which spreads the points nearly evenly along the curve.
    """

    turns: float
    radius: float
    std: float
    device: torch.device

    def curve(self, s: Tensor) -> Tensor:
        """Points [n, 2] at positions ``s`` in [0, 1], float[n]."""
        angle = s * (2 * math.pi * self.turns)
        return torch.stack((angle.cos(), angle.sin()), dim=1) * (s * self.radius)[:, None]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` samples, float32[n, 2]."""
        s = torch.rand(n, generator=generator, device=self.device).sqrt_()
        noise = torch.randn(n, 2, generator=generator, device=self.device)
        return torch.add(self.curve(s), noise, alpha=self.std)


@dataclass(frozen=True)
class SpiralScorer:
    """``good``: share of samples within 3σ of the curve; ``coverage``: share of the curve's segments that have one.

    The segments are equally long. Distances are to the nearest of many points on the curve, far less than σ apart.
    """

    spiral: Spiral
    segments: int = 50
    points: int = 20_000

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of points float32[n, 2]."""
        values = host(samples)
        require_finite(values)
        s = torch.linspace(0, 1, self.points, dtype=torch.float64)
        curve = self.spiral.curve(s).numpy()
        along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))))
        segment = np.minimum((along / along[-1] * self.segments).astype(np.int64), self.segments - 1)
        found = cKDTree(curve).query(values)
        distance, nearest = np.asarray(found[0]), np.asarray(found[1])
        good = distance <= GOOD * self.spiral.std
        return {"good": float(good.mean()), "coverage": np.unique(segment[nearest[good]]).size / self.segments}


class SpiralData(DataPart):
    """Points along an Archimedean spiral that starts at the origin, with Gaussian noise across it."""

    name: Literal["spiral"] = "spiral"
    turns: float = Field(2.0, gt=0, description="revolutions of the spiral")
    radius: float = Field(1.0, gt=0, description="distance of its outer end from the origin")
    std: float = Field(0.02, gt=0, description="standard deviation of the noise, per axis")

    @property
    def shape(self) -> Shape:
        """A point."""
        return (2,)

    def spiral(self, device: torch.device) -> Spiral:
        """The distribution."""
        return Spiral(self.turns, self.radius, self.std, device)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Nothing is read."""
        return drawn(self.spiral, SpiralScorer(self.spiral(torch.device("cpu"))))

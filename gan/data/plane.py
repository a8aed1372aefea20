"""Distributions of points in the plane whose truth is known: Gaussian mixtures and a spiral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan.config import GridData, RingData, SpiralData


@dataclass(frozen=True)
class Mixture:
    """Equally likely Gaussians with means ``centers`` (float32[k, 2]) and standard deviation ``std`` per axis."""

    centers: Tensor
    std: float

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` samples, float32[n, 2]; ``centers`` must lie on the generator's device."""
        device = self.centers.device
        modes = torch.randint(len(self.centers), (n,), generator=generator, device=device)
        noise = torch.randn(n, 2, generator=generator, device=device)
        return torch.add(self.centers[modes], noise, alpha=self.std)


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


def ring_centers(modes: int, radius: float) -> Tensor:
    """The means of a ring, float32[modes, 2]: angles 2πk/modes without the end point, so that all are distinct."""
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    return (torch.stack((angle.cos(), angle.sin()), dim=1) * radius).float()


def grid_centers(side: int, spacing: float) -> Tensor:
    """The means of a square grid centred on the origin, float32[side², 2]."""
    axis = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * spacing
    return torch.cartesian_prod(axis, axis).float()


def mixture(data: RingData | GridData, device: torch.device) -> Mixture:
    """The mixture that a configuration describes."""
    if isinstance(data, RingData):
        centers = ring_centers(data.modes, data.radius)
    else:
        centers = grid_centers(data.side, data.spacing)
    return Mixture(centers.to(device), data.std)


def spiral(data: SpiralData, device: torch.device) -> Spiral:
    """The spiral that a configuration describes."""
    return Spiral(data.turns, data.radius, data.std, device)

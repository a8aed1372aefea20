"""A checkerboard: many modes with sharp edges, which are no Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from gan.data import DataPart, Dataset, drawn


@dataclass(frozen=True)
class Squares:
    """Uniform on squares of side ``side`` around ``centers``, float32[k, 2]; also scores what is generated."""

    centers: Tensor
    side: float

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = self.centers.device
        chosen = torch.randint(len(self.centers), (n,), generator=generator, device=device)
        return self.centers[chosen] + (torch.rand(n, 2, generator=generator, device=device) - 0.5) * self.side

    def __call__(self, samples: Tensor) -> dict[str, float]:
        distance = (samples[:, None] - self.centers).abs().amax(dim=2)
        return {"dark": float((distance.amin(dim=1) <= self.side / 2).float().mean())}


class Checkerboard(DataPart):
    """The dark squares of a board that fills [−1, 1]²."""

    squares: int = Field(4, ge=2, le=64, description="squares along each side")

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        return drawn(self.density, self.density(torch.device("cpu")))

    def landmarks(self) -> NDArray[np.float32]:
        at = (np.arange(self.squares) + 0.5) * 2 / self.squares - 1
        return np.array([(x, y) for i, x in enumerate(at) for j, y in enumerate(at) if (i + j) % 2], np.float32)

    def density(self, device: torch.device) -> Squares:
        return Squares(torch.from_numpy(self.landmarks()).to(device), 2 / self.squares)

"""Gaussian mixtures in the plane, whose truth is known: what the ring and the grid have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from gan.data.part import DataPart, Dataset, Shape, drawn
from gan.metrics import mode_coverage


@dataclass(frozen=True)
class Mixture:
    """Equally likely Gaussians with means ``centers`` (float32[k, 2]) and standard deviation ``std`` per axis."""

    centers: Tensor
    std: float

    def kinds(self) -> int:
        """How many modes it has."""
        return len(self.centers)

    def of_kinds(self, kinds: range) -> Mixture:
        """Some of its modes."""
        return Mixture(self.centers[kinds.start : kinds.stop], self.std)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` samples, float32[n, 2]; ``centers`` must lie on the generator's device."""
        device = self.centers.device
        modes = torch.randint(len(self.centers), (n,), generator=generator, device=device)
        noise = torch.randn(n, 2, generator=generator, device=device)
        return torch.add(self.centers[modes], noise, alpha=self.std)


@dataclass(frozen=True)
class MixtureScorer:
    """``modes``, ``good`` and ``reverse_kl`` of :func:`gan.metrics.mode_coverage`."""

    mixture: Mixture

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of points float32[n, 2]."""
        score = mode_coverage(samples, self.mixture.centers, self.mixture.std)
        return {"modes": float(score.modes), "good": score.good, "reverse_kl": score.reverse_kl}


class MixtureData(DataPart):
    """Gaussians in the plane; a subclass says where their means lie."""

    std: float = Field(gt=0, description="standard deviation of each Gaussian, per axis")

    def centers(self) -> Tensor:
        """The means, float32[k, 2]."""
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        """A point."""
        return (2,)

    def mixture(self, device: torch.device) -> Mixture:
        """The distribution."""
        return Mixture(self.centers().to(device), self.std)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Nothing is read."""
        return drawn(self.mixture, MixtureScorer(self.mixture(torch.device("cpu"))))

    def landmarks(self) -> NDArray[np.float32]:
        """The means."""
        return np.asarray(self.centers().numpy())

"""Any folder of images: mixed sizes and modes are brought to one shape, broken files are named and left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan.data.features import FeatureData, feature_scores
from gan.data.part import Dataset, Scorer, Shape
from gan.data.source import Recognised, Source, to_bytes, to_unit
from gan.metrics import Gaussian, frechet_distance
from lab.supervised.images import read
from lab.supervised.judge import Judge
from lab.supervised.rotations import DOUBTFUL, reduced, rotation_judge

FEWEST = 20
"""Images held out, at least, to judge by."""
LEAST = 1e-12
"""The least variance of real images that a spread is a share of."""


class UnlabelledData(FeatureData):
    """Images of which nothing is known but how they look; a subclass adds its settings and reads them."""

    held_out: float = Field(
        0.0, ge=0, le=0.5, description="share of the images not trained on, to see whether the discriminator overfits"
    )

    def dataset(self, images: Tensor, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Byte images [n, c, h, w], shuffled, and scored by what a network learns from them alone."""
        scorer = partial(_scorer, images, data_dir, self.pairwise_scores, warn)
        if not self.held_out:
            return Dataset(partial(_source, images), scorer)
        passed = (torch.arange(len(images) + 1, dtype=torch.float64) * self.held_out + 1e-9).floor()
        held = passed.diff() > 0  # evenly among the images
        if held.sum() < FEWEST:
            share = f"{self.held_out:g} of {len(images)} images"
            warn(f"data.held_out: {share} are fewer than {FEWEST}, which say little; all are trained on")
            return Dataset(partial(_source, images), scorer)
        return Dataset(partial(_source, images[~held]), scorer, partial(_parts, images[~held], images[held]))


class FolderData(UnlabelledData):
    """Every image under a folder, cropped to a centred square and resized."""

    name: Literal["folder"] = "folder"
    path: str = Field(min_length=1, description="the folder, searched with its subfolders")
    size: int = Field(64, ge=4, le=256, description="height and width after resizing, in pixels")
    channels: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        return (self.channels, self.size, self.size)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Read all images; one warning names the broken files that are left out.

        A network is trained to score by, where none is cached, when the scorer is asked for.
        """
        found = read(Path(self.path).expanduser(), self.size, self.channels)
        if found.broken:
            warn(found.told(self.path))
        return self.dataset(found.images, data_dir, warn)


@dataclass(frozen=True)
class FolderScorer:
    """Scores without labels, in the features of a network that learned to turn the folder's images upright.

    Those of :func:`gan.data.features.feature_scores`, and ``frechet_pixels``, the Fréchet distance between images
    averaged down to at most 8×8 pixels, in units of [−1, 1]: it sees colours and layout, and no detail. ``spread`` is
    the variance of these averages as a share of the real images': 0 of a generator that draws one image only.
    """

    judge: Judge
    pixels: Gaussian
    pairwise: bool = False

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of images float32[n, c, h, w] in [−1, 1]; they are judged as the bytes they would be saved as."""
        images = to_bytes(samples)
        features, _ = self.judge.network.describe(reduced(images))
        scores = feature_scores(self.judge, features, self.pairwise)
        drawn = Gaussian.of(averages(images))
        return {
            **scores,
            "frechet_pixels": frechet_distance(self.pixels, drawn),
            "spread": float(np.trace(drawn.covariance) / max(np.trace(self.pixels.covariance), LEAST)),
        }


def averages(images: Tensor) -> Tensor:
    """Byte images [n, c, h, w] as rows of at most 8·8·c averages in [−1, 1]."""
    side = min(8, images.shape[-1])
    parts = [functional.adaptive_avg_pool2d(to_unit(part), side).flatten(1) for part in torch.split(images, 1000)]
    return torch.cat(parts)


def _parts(trained: Tensor, held: Tensor, n: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return (to_unit(trained[:n]),), (to_unit(held[:n]),)


def _source(images: Tensor, device: torch.device, draws: torch.Generator, order: torch.Generator) -> Source:
    return Recognised(images, device, order)


def _scorer(
    images: Tensor, data_dir: Path, pairwise: bool, warn: Callable[[str], None], device: torch.device
) -> Scorer:
    judge = rotation_judge(images, data_dir, device)
    if judge.accuracy < DOUBTFUL:
        told = f"its features tell which way is up in {judge.accuracy:.0%} of images not learned from, by chance in 25%"
        warn(f"frechet says little of this folder: {told}")
    return FolderScorer(judge, Gaussian.of(averages(images)), pairwise)

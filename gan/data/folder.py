"""Any folder of images: mixed sizes and modes are brought to one shape, broken files are named and left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan.data.features import FeatureData, feature_scores
from gan.data.part import Dataset, Scorer, Shape
from gan.data.source import Shuffled, Source, to_bytes, to_unit
from gan.metrics import Gaussian, frechet_distance
from lab.supervised.images import read
from lab.supervised.judge import Judge
from lab.supervised.rotations import DOUBTFUL, reduced, rotation_judge


class FolderData(FeatureData):
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
        return unlabelled(found.images, data_dir, self.pairwise_scores, warn)


def unlabelled(images: Tensor, data_dir: Path, pairwise: bool, warn: Callable[[str], None]) -> Dataset:
    """Byte images [n, c, h, w] without labels, shuffled, and scored by what a network learns from them alone."""
    return Dataset(partial(_source, images), partial(_scorer, images, data_dir, pairwise, warn))


@dataclass(frozen=True)
class FolderScorer:
    """Scores without labels, in the features of a network that learned to turn the folder's images upright.

    Those of :func:`gan.data.features.feature_scores`, and ``frechet_pixels``, the Fréchet distance between images
    averaged down to at most 8×8 pixels, in units of [−1, 1]: it sees colours and layout, and no detail.
    """

    judge: Judge
    pixels: Gaussian
    pairwise: bool = False

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of images float32[n, c, h, w] in [−1, 1]; they are judged as the bytes they would be saved as."""
        images = to_bytes(samples)
        features, _ = self.judge.network.describe(reduced(images))
        scores = feature_scores(self.judge, features, self.pairwise)
        return {**scores, "frechet_pixels": frechet_distance(self.pixels, Gaussian.of(averages(images)))}


def averages(images: Tensor) -> Tensor:
    """Byte images [n, c, h, w] as rows of at most 8·8·c averages in [−1, 1]."""
    side = min(8, images.shape[-1])
    parts = [functional.adaptive_avg_pool2d(to_unit(part), side).flatten(1) for part in torch.split(images, 1000)]
    return torch.cat(parts)


def _source(images: Tensor, device: torch.device, draws: torch.Generator, order: torch.Generator) -> Source:
    return Shuffled(images, device, order)


def _scorer(
    images: Tensor, data_dir: Path, pairwise: bool, warn: Callable[[str], None], device: torch.device
) -> Scorer:
    judge = rotation_judge(images, data_dir, device)
    if judge.accuracy < DOUBTFUL:
        told = f"its features tell which way is up in {judge.accuracy:.0%} of images not learned from, by chance in 25%"
        warn(f"frechet says little of this folder: {told}")
    return FolderScorer(judge, Gaussian.of(averages(images)), pairwise)

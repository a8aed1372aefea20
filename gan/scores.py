"""Which scores each kind of data gets: a scorer turns generated samples into numbers for the metrics log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

from gan.config import Data, FolderData, GridData, RingData, SpiralData
from gan.data import plane
from gan.data.source import to_bytes
from gan.metrics import (
    GOOD,
    Gaussian,
    divergence_from_uniform,
    frechet_distance,
    host,
    mode_coverage,
    require_finite,
)
from lab.supervised.judge import Judge, judge


class Scorer(Protocol):
    """Scores of generated samples, by name."""

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of float32[n, …] as a generator gives them."""


@dataclass(frozen=True)
class MixtureScorer:
    """``modes``, ``good`` and ``reverse_kl`` of :func:`gan.metrics.mode_coverage`."""

    mixture: plane.Mixture

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of points float32[n, 2]."""
        score = mode_coverage(samples, self.mixture.centers, self.mixture.std)
        return {"modes": float(score.modes), "good": score.good, "reverse_kl": score.reverse_kl}


@dataclass(frozen=True)
class SpiralScorer:
    """``good``: share of samples within 3σ of the curve; ``coverage``: share of the curve's segments that have one.

    The segments are equally long. Distances are to the nearest of many points on the curve, far less than σ apart.
    """

    spiral: plane.Spiral
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


@dataclass(frozen=True)
class JudgeScorer:
    """Scores in the eyes of a classifier trained on the same data.

    ``frechet``: Fréchet distance between the classifier's features (64 numbers before the read-out) of the generated
    and of the real training images; only comparable under the same judge. ``mode_entropy``: entropy, in nats, of the
    histogram of classes it sees, log(classes) at best. ``modes``: classes given at least a tenth of an equal share.
    """

    judge: Judge

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of images float32[n, c, h, w] in [−1, 1]; they are judged as the bytes they would be saved as."""
        features, classes = self.judge.network.describe(to_bytes(samples))
        counts = np.bincount(classes.cpu().numpy(), minlength=self.judge.classes)
        real = Gaussian(self.judge.mean, self.judge.covariance)
        return {
            "frechet": frechet_distance(real, Gaussian.of(features)),
            "modes": float((counts >= 0.1 * len(samples) / self.judge.classes).sum()),
            "mode_entropy": float(np.log(len(counts)) - divergence_from_uniform(counts)),
        }


@dataclass(frozen=True)
class PixelScorer:
    """``frechet_pixels``: Fréchet distance between images averaged down to at most 8×8 pixels, in units of [−1, 1].

    A folder has no labels to train a judge on; this sees colours and layout, and no detail.
    """

    real: Gaussian

    @classmethod
    def of(cls, images: Tensor) -> PixelScorer:
        """Compare with these byte images [n, c, h, w]."""
        return cls(Gaussian.of(torch.cat([cls.reduced(part) for part in torch.split(images, 1000)])))

    @staticmethod
    def reduced(images: Tensor) -> Tensor:
        """Byte images as rows of at most 8·8·c averages in [−1, 1]."""
        side = min(8, images.shape[-1])
        return functional.adaptive_avg_pool2d(images.float() / 127.5 - 1, side).flatten(1)

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of images float32[n, c, h, w] in [−1, 1]."""
        return {"frechet_pixels": frechet_distance(self.real, Gaussian.of(self.reduced(to_bytes(samples))))}


def scorer(data: Data, images: Tensor | None, data_dir: Path, device: torch.device) -> Scorer:
    """The scorer of ``data``; for labelled images this trains and caches their judge where there is none yet.

    Args:
        data: the configuration's ``data``.
        images: what :func:`gan.data.build.images` gave for it; only a folder's are looked at.
        data_dir: where data sets and judges lie.
        device: where the judge is to work.
    """
    if isinstance(data, RingData | GridData):
        return MixtureScorer(plane.mixture(data, torch.device("cpu")))
    if isinstance(data, SpiralData):
        return SpiralScorer(plane.spiral(data, torch.device("cpu")))
    if isinstance(data, FolderData):
        assert images is not None
        return PixelScorer.of(images)
    return JudgeScorer(judge(data.name, data_dir, device))

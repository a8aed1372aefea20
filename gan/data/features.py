"""Images scored by what a judge sees in them: distances between features of generated and of real images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from pydantic import Field
from torch import Tensor

from gan.data.part import DataPart
from gan.metrics import Gaussian, frechet_distance, kernel_distance, prdc
from gan.metrics.manifold import NEIGHBOURS
from lab.supervised.judge import REAL_KEPT, Judge


class FeatureData(DataPart):
    """Data that a judge scores; a subclass adds its settings and says where images and judge come from."""

    pairwise_scores: bool = Field(
        False,
        description="whether every evaluation in training computes the kernel distance, precision, recall, density, "
        "coverage and the share of each class too, as `lab gan evaluate` always does; 2,500 samples take about three "
        "seconds of one slow core",
    )

    def thorough(self) -> Self:
        """The same data with every score."""
        return self.model_copy(update={"pairwise_scores": True})


def feature_scores(judge: Judge, features: Tensor, pairwise: bool) -> dict[str, float]:
    """Scores of generated images by their features float32[n, d], n at least 2; only comparable under the same judge.

    ``frechet``: the Fréchet distance to all real training images. If ``pairwise``, of the first 2,500 generated images
    against as many real training images, or all where there are fewer: ``kernel``, the kernel distance, ``precision``,
    ``recall``, ``density`` and ``coverage`` (:mod:`gan.metrics`); the last four need more than five images of each.
    """
    scores = {"frechet": frechet_distance(Gaussian(judge.mean, judge.covariance), Gaussian.of(features))}
    if pairwise:
        features = features[:REAL_KEPT]
        scores["kernel"] = kernel_distance(judge.real, features).value
        if min(len(features), len(judge.real)) > NEIGHBOURS:
            scores |= asdict(prdc(judge.real, features))
    return scores

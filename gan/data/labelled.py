"""Images with labels, scored in the eyes of a classifier trained on them: what the digits and MNIST have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan.data.features import FeatureData, feature_scores
from gan.data.part import Dataset, Scorer
from gan.data.source import Shuffled, Source, to_bytes, to_unit
from gan.metrics import divergence_from_uniform
from lab.supervised import datasets
from lab.supervised.judge import Judge, judge

CLASSES = 10
"""Of each of the sets."""


@dataclass(frozen=True)
class JudgeScorer:
    """Scores in the eyes of a classifier trained on the same data.

    Those of :func:`gan.data.features.feature_scores` in the classifier's features (64 numbers before the read-out).
    ``mode_entropy``: entropy, in nats, of the histogram of classes it sees, log(classes) at best. ``modes``: classes
    given at least a tenth of an equal share. ``own_class``, where labels are passed: the share of samples in which it
    sees the class that was asked for. ``share/k``, with the pairwise scores: the share of samples it takes for class k.
    """

    judge: Judge
    pairwise: bool = False

    def __call__(self, samples: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        """Scores of images float32[n, c, h, w] in [−1, 1]; they are judged as the bytes they would be saved as.

        Args:
            labels: the classes that were asked for, int64[n] on the samples' device.
        """
        features, classes = self.judge.network.describe(to_bytes(samples))
        counts = np.bincount(classes.cpu().numpy(), minlength=self.judge.classes)
        shares = {f"share/{k}": float(count) / len(samples) for k, count in enumerate(counts)} if self.pairwise else {}
        own = {} if labels is None else {"own_class": float((classes == labels).float().mean())}
        return {
            **feature_scores(self.judge, features, self.pairwise),
            "modes": float((counts >= 0.1 * len(samples) / self.judge.classes).sum()),
            "mode_entropy": float(np.log(len(counts)) - divergence_from_uniform(counts)),
            **own,
            **shares,
        }


class LabelledData(FeatureData):
    """A set of :mod:`lab.supervised.datasets`, by its name there; a subclass adds its shape."""

    @property
    def classes(self) -> int:
        """Ten."""
        return CLASSES

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Images are read, and a judge trained where none is cached, when they are asked for."""
        return Dataset(
            partial(_source, self.name, data_dir),
            partial(_scorer, self.name, data_dir, self.pairwise_scores),
            partial(_parts, self.name, data_dir),
        )


def _source(name: str, data_dir: Path, device: torch.device, draws: torch.Generator, order: torch.Generator) -> Source:
    data = datasets.load(name, data_dir)
    return Shuffled(data.inputs, device, order, _rows(data.labels))


def _parts(name: str, data_dir: Path, n: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    data = datasets.load(name, data_dir)
    trained = (to_unit(data.inputs[:n]), _rows(data.labels[:n]))
    return trained, (to_unit(data.test_inputs[:n]), _rows(data.test_labels[:n]))


def _rows(labels: Tensor) -> Tensor:
    """Labels int64[n] one-hot, float32[n, classes]."""
    return torch.eye(CLASSES)[labels]


def _scorer(name: str, data_dir: Path, pairwise: bool, device: torch.device) -> Scorer:
    return JudgeScorer(judge(name, data_dir, device), pairwise)

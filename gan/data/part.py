"""What a kind of data is to the GAN trainer: a shape, real samples, and the scores of generated ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.data.source import Density, Endless, Recognised, Source
from lab.training.parts import Part

Shape = tuple[int, ...]


class Scorer(Protocol):
    """Scores of generated samples, by name."""

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of float32[n, …] as a generator gives them."""


class ClassScorer(Scorer, Protocol):
    """Scores of generated samples whose class was asked for."""

    def __call__(self, samples: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        """Scores of float32[n, …] of the classes int64[n]."""


@dataclass(frozen=True)
class Dataset:
    """Data that has been found and can be used; :func:`drawn` and :func:`shuffled` make one.

    Attributes:
        source: ``source(device, draws, order)`` gives batches on ``device``; chance comes from ``draws``, a generator
            on the device, and from ``order``, one on the host.
        scorer: ``scorer(device)`` scores generated samples; it may train and cache a judge.
        parts: ``parts(n)`` gives at most n samples that are trained on and as many that are not, each with its labels
            where there are classes, as the source gives them, on the host; None where nothing is held out.
    """

    source: Callable[[torch.device, torch.Generator, torch.Generator], Source]
    scorer: Callable[[torch.device], Scorer]
    parts: Callable[[int], tuple[tuple[Tensor, ...], tuple[Tensor, ...]]] | None = None


class DataPart(Part):
    """What to imitate. A subclass adds its settings as fields, and says what they mean by these methods."""

    name: str

    @property
    def shape(self) -> Shape:
        """Shape of one sample: (2,) for points, (channels, height, width) for images."""
        raise NotImplementedError

    @property
    def classes(self) -> int | None:
        """How many classes it has: its source is then a ``LabelledSource``, and its scorer a :class:`ClassScorer`."""
        return None

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Find the data.

        Args:
            data_dir: where data sets lie or are downloaded to.
            warn: told in one line what was left out.

        Raises:
            UserError: it is not there, or not what it should be.
        """
        raise NotImplementedError

    def thorough(self) -> Self:
        """The same data with scores that take too long for training; itself where there are none."""
        return self

    def landmarks(self) -> NDArray[np.float32] | None:
        """For points: the true modes, which figures mark, float32[k, 2]; None where there are none."""
        return None


def drawn(density: Callable[[torch.device], Density], scorer: Scorer) -> Dataset:
    """Data that is drawn without end from a density on the training device."""
    return Dataset(lambda device, draws, order: Endless(density(device), draws), lambda device: scorer)


def shuffled(samples: Tensor, scorer: Scorer) -> Dataset:
    """Images uint8[n, channels, height, width] or points float[n, 2] on the host, in a new random order each epoch."""
    return Dataset(lambda device, draws, order: Recognised(samples, device, order), lambda device: scorer)


def unscored(samples: Tensor) -> dict[str, float]:
    """No score: of data about which nothing is known but its samples."""
    return {}

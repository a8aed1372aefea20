"""Stacked MNIST: three digits as the channels of one image, a thousand modes that can be counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gan.data.part import DataPart, Dataset, Scorer, Shape
from gan.data.source import Indexed, Source, to_bytes
from gan.metrics import divergence_from_uniform
from gan.randomness import stream
from lab.door.jsons import LAST
from lab.supervised import datasets
from lab.supervised.judge import Judge, judge
from lab.training.epochs import Epochs, Places

DIGITS = "mnist"
CHANNELS = 3


@dataclass(frozen=True)
class StackedModes:
    """How samples spread over the 1000 triples of digits.

    Attributes:
        modes: triples that at least one sample shows.
        reverse_kl: KL(generated ‖ uniform) in nats between the histogram of triples and the uniform one. 0 at best,
            log 1000 = 6.91 when one triple takes all; a perfect sampler of n samples reaches (1000 − 1)/2n on average,
            0.019 for the protocol's 26,000.
    """

    modes: int
    reverse_kl: float


def stacked_modes(labels: Any) -> StackedModes:
    """Count the modes of Stacked MNIST (Metz et al. 2017; as PacGAN, Lin et al. 2018, does it).

    Args:
        labels: the digits of each sample's three channels, an integer array or tensor [n, 3] in 0 … 9, n ≥ 1.
    """
    digits = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    if digits.ndim != 2 or digits.shape[1] != CHANNELS or not len(digits) or digits.min() < 0 or digits.max() > 9:
        raise ValueError(f"labels of shape {digits.shape}: digits [n, {CHANNELS}] in 0 … 9 belong")
    counts = np.bincount(digits @ [100, 10, 1], minlength=10**CHANNELS)
    return StackedModes(int((counts > 0).sum()), divergence_from_uniform(counts))


class StackedMnistData(DataPart):
    """Stacked MNIST, colour images of 28×28 whose channels are random training digits of MNIST.

    The protocol (PacGAN, Lin et al. 2018) has 128,000 stacks, and scores 26,000 samples: ``evaluation_samples: 26000``.
    """

    name: Literal["stacked-mnist"] = "stacked-mnist"
    stacks: Annotated[int, Field(ge=1, le=10_000_000)] | Literal["endless"] = Field(
        128_000, description="random stacks that are the data set, at most 10,000,000; endless draws new ones for ever"
    )
    seed: int = Field(0, ge=0, le=LAST, description="of the stacks; the run's own seed does not change them")

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        return (CHANNELS, 28, 28)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """MNIST is read, and its judge trained where none is cached, when they are asked for."""
        return Dataset(partial(self._source, data_dir), partial(_scorer, data_dir))

    def table(self, digits: int) -> Tensor:
        """Which of ``digits`` images each stack is made of, int64[stacks, 3]."""
        if self.stacks == "endless":
            raise ValueError("endless stacks have no table")
        return torch.randint(digits, (self.stacks, CHANNELS), generator=stream(self.seed, "stacks"))

    def _source(self, data_dir: Path, device: torch.device, draws: torch.Generator, order: torch.Generator) -> Source:
        """MNIST's images themselves, and stacks as triples of places: put together they would take 300 MB."""
        images = datasets.load(DIGITS, data_dir).inputs[:, 0]
        endless = self.stacks == "endless"
        places: Places = FreshStacks(len(images), order) if endless else KnownStacks(self.table(len(images)), order)
        return Indexed(images, device, places)


class KnownStacks(Epochs):
    """The rows of a table int64[stacks, 3], each once an epoch."""

    def __init__(self, table: Tensor, generator: torch.Generator) -> None:
        super().__init__(len(table), generator)
        self._table = table

    def take(self, n: int) -> Tensor:
        """The next ``n`` rows, int64[n, 3]."""
        return self._table[super().take(n)]


@dataclass(frozen=True)
class FreshStacks:
    """New triples of ``digits`` images without end; they stand nowhere but in the host's generator."""

    digits: int
    generator: torch.Generator

    def take(self, n: int) -> Tensor:
        """``n`` independent triples, int64[n, 3]."""
        return torch.randint(self.digits, (n, CHANNELS), generator=self.generator)

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


def _scorer(data_dir: Path, device: torch.device) -> Scorer:
    return StackedScorer(judge(DIGITS, data_dir, device))


@dataclass(frozen=True)
class StackedScorer:
    """``modes`` and ``reverse_kl`` of :func:`stacked_modes`, every channel labelled by MNIST's judge."""

    judge: Judge

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Scores of images float32[n, 3, h, w] in [−1, 1]; they are judged as the bytes they would be saved as."""
        _, digits = self.judge.network.describe(to_bytes(samples).flatten(0, 1)[:, None])
        found = stacked_modes(digits.view(-1, CHANNELS))
        return {"modes": float(found.modes), "reverse_kl": found.reverse_kl}

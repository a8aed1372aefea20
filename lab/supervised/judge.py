"""A trained classifier kept on disk, with what it sees in the real data: what image metrics compare against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch import Tensor

from lab.door import jsons
from lab.supervised import datasets
from lab.supervised.classifier import Classifier, ClassifierConfig, train
from lab.supervised.datasets import Labelled
from lab.supervised.kept import cache_directory, kept

VERSION = 2
"""Part of the cache key; raised when the network, its training or what is kept changes in this file's code."""

REAL_KEPT = 2500
"""Real images, at most, whose features are kept one by one."""

CONFIGS = {
    "digits": ClassifierConfig(epochs=30),
    "mnist": ClassifierConfig(epochs=5),
    "fashion-mnist": ClassifierConfig(epochs=4),
    "cifar10": ClassifierConfig(width=32, epochs=5),
}
"""How the judge of each labelled set is trained."""


@dataclass(frozen=True)
class Judge:
    """A classifier and what it says of the real training images.

    Attributes:
        network: in evaluation mode, on the asked device.
        accuracy: on the test part, in [0, 1].
        mean, covariance: moments of the training images' features, float64[d] and float64[d, d].
        real: features of at most ``REAL_KEPT`` training images in random order, float32[r, d] on the asked device.
        classes: how many the classifier tells apart.
    """

    network: Classifier
    accuracy: float
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    real: Tensor
    classes: int


@dataclass(frozen=True)
class Lesson:
    """What a judge learns from, and the real images uint8[n, channels, height, width] it then describes."""

    data: Labelled
    real: Tensor


def judge(name: str, data_dir: Path, device: torch.device) -> Judge:
    """The judge of the labelled set ``name``: read from the cache, or trained on the CPU, once, and cached."""

    def lesson() -> Lesson:
        data = datasets.load(name, data_dir)
        return Lesson(data, data.inputs)

    key = cache_key(name, CONFIGS[name])
    return trained(f"{name}-{key}", f"the classifier that judges {name}", lesson, CONFIGS[name], data_dir, device)


def trained(
    file: str,
    what: str,
    lesson: Callable[[], Lesson],
    config: ClassifierConfig,
    data_dir: Path,
    device: torch.device,
) -> Judge:
    """The judge kept under the name ``file``, trained first where it is not there.

    Args:
        file: says, by a key, everything that the judge depends on.
        what: it is, in words, for whoever waits.
        lesson: asked for only where the judge is to be trained.
        config: of network and training.
        data_dir: where data sets lie; the cache is there or beside it (:func:`cache_directory`).
        device: where the judge is wanted.
    """
    path = cache_directory(data_dir) / f"{file}.safetensors"
    tensors, about = kept(path, what, lesson, lambda found: _make(found, config))
    classes = int(about["classes"])
    with torch.device("meta"):
        network = Classifier(tuple(jsons.parse(about["shape"].encode())), classes, config)
    network.load_state_dict(
        {key.removeprefix("network."): t for key, t in tensors.items() if key.startswith("network.")},
        assign=True,
    )
    return Judge(
        network=network.eval().requires_grad_(False).to(device),
        accuracy=float(about["accuracy"]),
        mean=tensors["mean"].numpy(),
        covariance=tensors["covariance"].numpy(),
        real=tensors["real"].to(device),
        classes=classes,
    )


def cache_key(name: str, config: ClassifierConfig) -> str:
    """Twelve hexadecimal digits that change with anything the judge depends on; ``name`` stands for the data."""
    content = json.dumps([VERSION, name, config.model_dump()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _make(lesson: Lesson, config: ClassifierConfig) -> bytes:
    found = train(lesson.data, config)
    features = found.network.describe(lesson.real)[0]
    chosen = torch.randperm(len(features), generator=torch.Generator().manual_seed(config.seed))[:REAL_KEPT]
    made: dict[str, Tensor] = {f"network.{key}": value for key, value in found.network.state_dict().items()}
    made["mean"] = features.double().mean(dim=0)
    made["covariance"] = torch.cov(features.double().T)
    made["real"] = features[chosen]
    about = {
        "accuracy": repr(found.accuracy),
        "classes": str(lesson.data.classes),
        "shape": json.dumps(lesson.data.inputs.shape[1:]),
    }
    return save(made, metadata=about)

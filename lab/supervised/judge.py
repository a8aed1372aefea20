"""A trained classifier kept on disk, with the feature moments of the real data: what image metrics compare against."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch import Tensor

from lab.door import jsons, tensors
from lab.errors import UserError
from lab.supervised import datasets
from lab.supervised.classifier import Classifier, ClassifierConfig, train
from lab.training.files import replace_file

VERSION = 1
"""Part of the cache key; raised when the network or its training changes in this file's code."""

CONFIGS = {
    "digits": ClassifierConfig(epochs=30),
    "mnist": ClassifierConfig(),
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
        classes: how many the data has.
    """

    network: Classifier
    accuracy: float
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    classes: int


def judge(name: str, data_dir: Path, device: torch.device) -> Judge:
    """The judge of the labelled set ``name``: read from the cache, or trained on the CPU, once, and cached.

    Processes that ask at the same time wait for the one that trains. A damaged cache file is trained anew.
    """
    config = CONFIGS[name]
    path = cache_directory(data_dir) / f"{name}-{cache_key(name, config)}.safetensors"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = "--data-dir or $LAB_DATA names a directory for it"
        raise UserError(f"{path.parent}: cannot be made ({error.strerror}); {where}") from error
    with _alone(path.with_suffix(".lock")):
        if not _readable(path):
            print(f"training the classifier that judges {name} (once, then kept in {path}) …", file=sys.stderr)
            replace_file(path, _make(name, data_dir, config))
    return _read(path, name, config, device)


def cache_key(name: str, config: ClassifierConfig) -> str:
    """Twelve hexadecimal digits that change with anything the judge depends on."""
    content = json.dumps([VERSION, name, config.model_dump()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def cache_directory(data_dir: Path) -> Path:
    """``judges/`` under the data directory, or under the default one where that may not be written to.

    The permission bits count even for root, who could write anyway: a directory marked read-only is left alone.
    """
    writable = not data_dir.exists() or (data_dir.stat().st_mode & 0o222 and os.access(data_dir, os.W_OK))
    return (data_dir if writable else Path("~/.cache/phase-lab").expanduser()) / "judges"


def _make(name: str, data_dir: Path, config: ClassifierConfig) -> bytes:
    data = datasets.load(name, data_dir)
    trained = train(data, config)
    features = trained.network.describe(data.images)[0].double()
    made: dict[str, Tensor] = {f"network.{key}": value for key, value in trained.network.state_dict().items()}
    made["mean"] = features.mean(dim=0)
    made["covariance"] = torch.cov(features.T)
    about = {
        "accuracy": repr(trained.accuracy),
        "classes": str(data.classes),
        "shape": json.dumps(data.images.shape[1:]),
    }
    return save(made, metadata=about)


def _readable(path: Path) -> bool:
    try:
        return path.exists() and "accuracy" in tensors.read(path)[1]
    except UserError:
        return False


def _read(path: Path, name: str, config: ClassifierConfig, device: torch.device) -> Judge:
    kept, about = tensors.read(path)
    classes = int(about["classes"])
    with torch.device("meta"):
        network = Classifier(tuple(jsons.parse(about["shape"].encode())), classes, config)
    network.load_state_dict(
        {key.removeprefix("network."): t for key, t in kept.items() if key.startswith("network.")},
        assign=True,
    )
    return Judge(
        network=network.eval().requires_grad_(False).to(device),
        accuracy=float(about["accuracy"]),
        mean=kept["mean"].numpy(),
        covariance=kept["covariance"].numpy(),
        classes=classes,
    )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold an advisory lock, which the system drops even if the process is killed."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

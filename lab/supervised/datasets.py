"""Small labelled sets in a training and a test part, and the image sets that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lab.errors import UserError
from lab.supervised import cifar, idx

DIGITS_TEST = 5
"""Every how many-th digit belongs to the test part."""


@dataclass(frozen=True)
class Labelled:
    """Samples with labels int64[n] in 0 … classes−1, in a training and a test part.

    Attributes:
        inputs, labels: the training part; bytes uint8[n, channels, height, width] are images, floats float32[n, …] are
            taken as they are.
        test_inputs, test_labels: the test part.
        classes: how many there are.
    """

    inputs: Tensor
    labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    classes: int = 10


def digits(data_dir: Path) -> Labelled:
    """scikit-learn's digits, 8×8, their 17 grey levels spread over 0 … 255; ``data_dir`` is not read."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images * (255 / 16)).round().to(torch.uint8)[:, None]
    labels = torch.from_numpy(bunch.target).long()
    test = torch.arange(len(images)) % DIGITS_TEST == 0
    return Labelled(images[~test], labels[~test], images[test], labels[test])


def _idx(name: str) -> Callable[[Path], Labelled]:
    def load(data_dir: Path) -> Labelled:
        images, labels = idx.load(name, "train", data_dir)
        test_inputs, test_labels = idx.load(name, "t10k", data_dir)
        return Labelled(
            torch.from_numpy(images.copy())[:, None],
            torch.from_numpy(labels.copy()).long(),
            torch.from_numpy(test_inputs.copy())[:, None],
            torch.from_numpy(test_labels.copy()).long(),
        )

    return load


def cifar10(data_dir: Path) -> Labelled:
    """CIFAR-10, 32×32 in colour; see :mod:`lab.supervised.cifar`."""
    train, test = cifar.load(data_dir)
    return Labelled(
        torch.from_numpy(train.images),
        torch.from_numpy(train.labels).long(),
        torch.from_numpy(test.images),
        torch.from_numpy(test.labels).long(),
        cifar.CLASSES,
    )


DATASETS: dict[str, Callable[[Path], Labelled]] = {
    "digits": digits,
    "mnist": _idx("mnist"),
    "fashion-mnist": _idx("fashion-mnist"),
    "cifar10": cifar10,
}
"""Every labelled set by name; an entry maps the data directory to its tensors."""


def load(name: str, data_dir: Path) -> Labelled:
    """The labelled set ``name``, read from ``data_dir`` where it is not offline."""
    if name not in DATASETS:
        raise UserError(f"data set {name!r}: accepted are {', '.join(sorted(DATASETS))}")
    return DATASETS[name](data_dir)

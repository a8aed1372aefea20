"""Samples with labels from a NumPy archive of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from lab.door import arrays
from lab.door.text import one_line
from lab.errors import UserError
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled
from lab.supervised.images import channels_first, image_shape
from lab.supervised.splits import fixed_split

MOST_CLASSES = 10_000
ACCEPTED = "images uint8 [n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3 channels, or numbers float[n, …]"


class NpzData(DataPart):
    """Arrays of an ``.npz`` file: samples (images uint8, or numbers float[n, …]) and labels, integers from 0.

    Where it has no ``test_<inputs>`` and ``test_<labels>``, a share of each class is held out, drawn by a fixed seed,
    the same in every run. Numbers are taken as they are: standardise them where they need it.
    """

    name: Literal["npz"] = "npz"
    path: str = Field(min_length=1, description="the file")
    inputs: str = Field("inputs", min_length=1, description="the name of the samples' array in it")
    labels: str = Field("labels", min_length=1, description="the name of the labels' array in it")
    test_share: float = Field(0.2, gt=0, lt=1, description="share of each class that is the test part otherwise")

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """Read the arrays.

        Raises:
            UserError: one is absent, of another type or shape, or not finite, or a class has no training sample.
        """
        path = Path(self.path).expanduser()
        names = arrays.npz_names(path)
        parts = [(self.inputs, self.labels), (f"test_{self.inputs}", f"test_{self.labels}")]
        own_test = any(name in names for name in parts[1])
        for name in (name for part in parts[: 1 + own_test] for name in part):
            if name not in names:
                shown = one_line(", ".join(names) or "nothing", 200)
                raise UserError(f"data.path: {str(path)!r} holds no array {name[:60]!r}; it holds {shown}")
        found = arrays.read_npz(path, names=[name for part in parts[: 1 + own_test] for name in part])
        pairs = [_pair(path, found, *part) for part in parts[: 1 + own_test]]
        inputs, labels = pairs[0]
        if own_test:
            test_inputs, test_labels = pairs[1]
        else:
            test = fixed_split(labels, self.test_share)
            inputs, labels, test_inputs, test_labels = inputs[~test], labels[~test], inputs[test], labels[test]
        classes = _classes(path, labels, test_labels)
        if test_inputs.shape[1:] != inputs.shape[1:] or test_inputs.dtype != inputs.dtype or not len(test_labels):
            raise UserError(f"data.path: {str(path)!r} has a test part that is empty, or of another shape or type")
        return Labelled(inputs, labels, test_inputs, test_labels, classes)


def _pair(path: Path, found: dict[str, npt.NDArray[Any]], inputs: str, labels: str) -> tuple[Tensor, Tensor]:
    """Samples and labels int64[n] of one part."""
    samples, classes = found[inputs], found[labels]
    if classes.dtype.kind not in "iu" or classes.ndim != 1 or samples.shape[:1] != classes.shape or not len(classes):
        sizes = f"{classes.dtype}{list(classes.shape)} beside {len(samples) if samples.ndim else 0:,} samples"
        raise UserError(f"data.path: {labels!r} in {str(path)!r} is {sizes}; an integer for each sample is expected")
    if classes.min() < 0 or classes.max() >= MOST_CLASSES:
        raise UserError(f"data.path: {labels!r} in {str(path)!r} has labels beyond 0 to {MOST_CLASSES - 1:,}")
    return _samples(path, inputs, samples), torch.from_numpy(classes.astype(np.int64))


def _samples(path: Path, name: str, array: npt.NDArray[Any]) -> Tensor:
    if image_shape(array.shape, array.dtype) is not None:
        return torch.from_numpy(channels_first(array).copy())
    where = f"data.path: {name!r} in {str(path)!r}"
    if array.dtype.kind != "f" or array.ndim < 2 or not array.size:
        raise UserError(f"{where} is {array.dtype}{list(array.shape)}; accepted are {ACCEPTED}")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        numbers = np.array(array, np.float32, order="C")
    if not np.isfinite(numbers).all():
        raise UserError(f"{where} has numbers that are not finite")
    return torch.from_numpy(numbers)


def _classes(path: Path, labels: Tensor, test_labels: Tensor) -> int:
    """How many there are: each up to the greatest label must have a training sample."""
    classes = int(max(labels.max(), test_labels.max() if len(test_labels) else 0)) + 1
    if empty := sorted(set(range(classes)) - set(labels.tolist())):
        raise UserError(f"data.path: {str(path)!r} has no training sample of class {empty[0]} (of 0 to {classes - 1})")
    if classes < 2:
        raise UserError(f"data.path: {str(path)!r} has one class; at least two are needed")
    return classes

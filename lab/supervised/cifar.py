"""CIFAR-10 (Krizhevsky 2009) from its published files, packed or unpacked; nothing is downloaded or written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.door import archives, files, pickles
from lab.errors import UserError

CLASSES = 10
SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
MOST_BATCH = 64 << 20
"""Bytes of one file; the published ones have 31 million."""
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """Images uint8[n, 3, 32, 32], red, green, blue, with labels uint8[n] in 0 … 9."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Form:
    """One of the two forms in which the data is published: an archive with one folder of six files."""

    archive: str
    folder: str
    suffix: str
    decode: Callable[[bytes], Batch]


def load(data_dir: Path) -> tuple[Batch, Batch]:
    """The training and the test part, from ``cifar10/`` under the data directory.

    Looked for are, in this order, the folders ``cifar-10-batches-bin`` and ``cifar-10-batches-py`` and the archives
    ``cifar-10-binary.tar.gz`` and ``cifar-10-python.tar.gz``. How many images a file holds follows from its size.

    Raises:
        UserError: none of them is there, or what is there is not CIFAR-10.
    """
    root = data_dir / "cifar10"
    for form in FORMS:
        if (root / form.folder).is_dir():
            return _parts(form, root / form.folder, _unpacked(form, root / form.folder))
    for form in FORMS:
        if (root / form.archive).exists():
            names = [name + form.suffix for name in TRAIN + TEST]
            return _parts(
                form, root / form.archive, archives.members(root / form.archive, form.folder, names, MOST_BATCH)
            )
    wanted = " or ".join(form.archive for form in FORMS)
    raise UserError(f"{root}: CIFAR-10 is not there and is not downloaded; put {wanted} there, or give --data-dir")


def _unpacked(form: Form, folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in TRAIN + TEST:
        yield name + form.suffix, files.read(folder / (name + form.suffix), MOST_BATCH)


def _parts(form: Form, path: Path, found: Iterator[tuple[str, bytes]]) -> tuple[Batch, Batch]:
    batches: dict[str, Batch] = {}
    for name, content in found:
        try:
            batches[name.removesuffix(form.suffix)] = form.decode(content)
        except ValueError as error:
            raise UserError(f"{path}: {name} is no batch of CIFAR-10: {error}") from None
    train, test = ([batches[name] for name in part] for part in (TRAIN, TEST))
    return _joined(train), _joined(test)


def _joined(batches: list[Batch]) -> Batch:
    return Batch(np.concatenate([b.images for b in batches]), np.concatenate([b.labels for b in batches]))


def from_binary(content: bytes) -> Batch:
    """A file of the binary form: for each image its label and 3,072 bytes.

    Raises:
        ValueError: it has another size, or labels beyond 9.
    """
    if not content or len(content) % (1 + PIXELS):
        raise ValueError(f"{len(content):,} bytes are no multiple of {1 + PIXELS:,}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return _checked(rows[:, 1:], rows[:, 0])


def from_pickle(content: bytes) -> Batch:
    """A file of the Python form: a pickled mapping with ``data``, uint8[n, 3072], and ``labels``, n integers.

    Raises:
        ValueError: it is none.
    """
    data, labels = pickles.parse(content, ("data", "labels"))
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != PIXELS or not len(data):
        raise ValueError(f"its data are {data.dtype}{list(data.shape)}; uint8[n, {PIXELS}] is expected")
    if labels.shape != data.shape[:1]:
        raise ValueError(f"{labels.size:,} labels for {len(data):,} images")
    return _checked(data, labels)


def _checked(rows: Bytes, labels: npt.NDArray[np.integer]) -> Batch:
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(f"labels are from {labels.min()} to {labels.max()}; 0 to {CLASSES - 1} are expected")
    return Batch(rows.reshape(-1, *SHAPE), labels.astype(np.uint8))


FORMS = (
    Form("cifar-10-binary.tar.gz", "cifar-10-batches-bin", ".bin", from_binary),
    Form("cifar-10-python.tar.gz", "cifar-10-batches-py", "", from_pickle),
)
"""Both published forms, the one without pickles first."""

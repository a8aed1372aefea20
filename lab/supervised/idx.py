"""MNIST and Fashion-MNIST as IDX files: found under the data directory, fetched from public mirrors where absent."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.door import arrays, files
from lab.errors import RunError, UserError

ATTEMPT_SECONDS = 30.0
"""How long a mirror may stay silent before the next one is tried."""


@dataclass(frozen=True)
class Source:
    """Where a data set's four files come from, and their SHA-256 sums."""

    mirrors: tuple[str, ...]
    sums: dict[str, str]


SOURCES = {
    "mnist": Source(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            "t10k-images-idx3-ubyte.gz": "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
            "t10k-labels-idx1-ubyte.gz": "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
            "train-images-idx3-ubyte.gz": "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
            "train-labels-idx1-ubyte.gz": "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
        },
    ),
    "fashion-mnist": Source(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {
            "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
            "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
        },
    ),
}


def load(name: str, part: str, data_dir: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images uint8[n, 28, 28] and labels uint8[n] of ``part``, "train" or "t10k" (the test part).

    Raises:
        UserError: the files are absent and cannot be fetched, or are not what their sums say.
    """
    images = read(ensure(name, f"{part}-images-idx3-ubyte.gz", data_dir))
    labels = read(ensure(name, f"{part}-labels-idx1-ubyte.gz", data_dir))
    return images, labels


def read(path: Path) -> npt.NDArray[np.uint8]:
    """One gzipped IDX file of unsigned bytes."""
    return arrays.read_idx(path)


def ensure(name: str, file: str, data_dir: Path) -> Path:
    """The path of a verified file, fetched first where it is absent."""
    source = SOURCES[name]
    path = data_dir / name / file
    if not path.exists():
        _fetch(source, file, path)
    if hashlib.sha256(files.read(path)).hexdigest() != source.sums[file]:
        raise UserError(f"{path}: its SHA-256 sum is not that of the published file; delete it and it is fetched again")
    return path


def _fetch(source: Source, file: str, path: Path) -> None:
    """Download to a name beside ``path`` and rename, so that an interrupted download never looks complete."""
    failures = []
    for mirror in source.mirrors:
        try:
            with urllib.request.urlopen(mirror + file, timeout=ATTEMPT_SECONDS) as response:
                content: bytes = response.read()
        except (OSError, http.client.HTTPException) as error:  # a URLError is an OSError
            failures.append(f"{mirror}: {getattr(error, 'reason', error)}")
            continue
        if hashlib.sha256(content).hexdigest() != source.sums[file]:
            failures.append(f"{mirror}: wrong SHA-256 sum")
            continue
        beside = path.with_name(f"{file}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise RunError(f"{path}: cannot be written ({error.strerror})") from error
        return
    raise UserError(
        f"{path}: absent, and could not be fetched ({'; '.join(failures)}); put the file there, or give --data-dir"
    )

"""An append-only file of one JSON object a line, which can be cut back to an earlier length."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from lab.door import files, jsons

CHUNK = 1 << 20
"""Bytes that are read at once."""


def encode(value: Any) -> Any:
    """``value`` as strict JSON: NaN and infinities become the strings ``"nan"``, ``"inf"`` and ``"-inf"``."""
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(float(value))
    return value


class JsonLines:
    """One such file. Lines reach the system at once, whole or not at all but for a kill or a full disk in mid-line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        self._sum: hashlib._Hash | None = None
        """Of all that the file holds; None until it is asked for."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one line."""
        line = json.dumps(encode(row), allow_nan=False).encode() + b"\n"
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._open(), rest) :]
        if self._sum is not None:
            self._sum.update(line)

    def size(self) -> int:
        """Its length in bytes, after all of it has reached the disk."""
        fd = self._open()
        os.fsync(fd)
        return os.fstat(fd).st_size

    def sum(self) -> str:
        """The SHA-256 sum of what it holds: read once, and from then on of what is added."""
        if self._sum is None:
            self._sum = summed(self.path, self.size())
        return self._sum.hexdigest()

    def truncate(self, size: int) -> None:
        """Cut it back to ``size`` bytes (a longer ``size`` than the file has changes nothing)."""
        self._sum = None
        fd = self._open()
        if os.fstat(fd).st_size > size:
            os.ftruncate(fd, size)
            os.fsync(fd)

    def close(self) -> None:
        """Let go of the file; a later ``append`` opens it again."""
        self._sum = None
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        if self._fd is None:
            self._fd = files.appendable(self.path)
        return self._fd


def summed(path: Path, size: int) -> hashlib._Hash:
    """The SHA-256 sum of a file's first ``size`` bytes, of all of it where it is shorter."""
    found = hashlib.sha256()
    with files.opened(path) as file:
        while size > 0 and (part := file.read(min(size, CHUNK))):
            found.update(part)
            size -= len(part)
    return found


def length_until(path: Path, step: int) -> int:
    """How many bytes the whole lines at the file's beginning take whose ``step`` is at most ``step``."""
    length = 0
    for row, size in jsons.lines(path, jsons.row):
        if row["step"] > step:
            break
        length += size
    return length


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file that may still be growing: a last line without its newline is not there yet."""
    return (row for row, _ in jsons.lines(path, jsons.row))

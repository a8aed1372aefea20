"""Opens what a path names, if it is a regular file, and reads no more of it than was asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lab.errors import UserError

MOST_BYTES = 1 << 30


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """The file, open for reading.

    Raises:
        UserError: it is missing or unreadable, or is a folder, a pipe or a device, which might never end.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # without O_NONBLOCK a pipe waits for a writer
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        what = "Is a directory" if stat.S_ISDIR(mode) else "it is no regular file"
        raise UserError(f"{path}: cannot be read: {what}")
    with os.fdopen(fd, "rb") as file:
        yield file


def read(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """All of a regular file of at most ``most`` bytes.

    Raises:
        UserError: it cannot be read, or is larger.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if size <= most:
                return file.read(size)  # of a larger number all would be allocated
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    raise UserError(f"{path}: cannot be read: larger than {most:,} bytes")


def read_text(path: str | Path, most: int) -> str:
    """A regular file of UTF-8 text."""
    try:
        return read(path, most).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: cannot be read: not a UTF-8 text") from None

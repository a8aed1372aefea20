"""Opens what a path names, if it is a regular file, and reads no more of it than was asked for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lab.errors import UserError

MOST_BYTES = 1 << 30
FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room left is nobody's mistake: who writes says more about it."""


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """The file, open for reading.

    Raises:
        UserError: it is missing or unreadable, or is a folder, a pipe or a device, which might never end.
    """
    with os.fdopen(_regular(path, os.O_RDONLY, "read"), "rb") as file:
        yield file


def appendable(path: str | Path) -> int:
    """A descriptor of the file, made where it is absent, that writes at its end and can be cut back.

    Raises:
        UserError: it cannot be written, or is a folder, a pipe, a device or a link, which might lead out of the run.
    """
    return _regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, "written")


def _regular(path: str | Path, flags: int, done: str) -> int:
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)  # without O_NONBLOCK a pipe waits for its end
    except OSError as error:
        if error.errno in FULL:
            raise
        words = "it is a link" if error.errno == errno.ELOOP and flags & os.O_NOFOLLOW else error.strerror
        raise UserError(f"{path}: cannot be {done}: {words}") from None
    except ValueError as error:  # a null byte in its name
        raise UserError(f"{path}: cannot be {done}: {error}") from None
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    raise UserError(f"{path}: cannot be {done}: {'Is a directory' if stat.S_ISDIR(mode) else 'it is no regular file'}")


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

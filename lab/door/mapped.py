"""Arrays of numbers that stay in a file: ``.npy``, mapped into memory, written in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray


def mapped(path: Path, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """An array whose numbers lie in a file: of the one that is there, if it is such an array, else of a new one.

    A link is replaced, not followed.

    Args:
        path: the file; the directory exists.
        shape: of the array; the file takes no room on the disk for what was never written.
        kind: a type of numbers.

    Raises:
        OSError: the file that is there cannot be opened or mapped, as without memory; it stays as it is.
    """
    if path.is_symlink():
        path.unlink()
    try:
        found = open_memmap(path, mode="r+")  # a header is a literal, and an array of objects is refused
    except (FileNotFoundError, ValueError, SyntaxError, TypeError, RecursionError):
        found = None
    if found is not None and found.shape == shape and found.dtype == np.dtype(kind) and found.flags.c_contiguous:
        return found
    return open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=shape)


def reserve(array: NDArray[Any], start: int, stop: int) -> None:
    """Have the disk keep room for some rows of an array that lies in a file, before they are written.

    Writing to a mapped page that the disk has no room for ends the process by a signal; this says it in time.

    Args:
        array: of :func:`mapped`; nothing is done for one in memory.
        start, stop: its rows.

    Raises:
        OSError: the disk is full.
    """
    if not isinstance(array, np.memmap) or not hasattr(os, "posix_fallocate"):
        return
    row = array.nbytes // len(array)
    with open(str(array.filename), "r+b") as file:
        os.posix_fallocate(file.fileno(), array.offset + start * row, (stop - start) * row)


def flush(array: NDArray[Any]) -> None:
    """Have the disk hold what was written, of an array that lies in a file."""
    if isinstance(array, np.memmap):
        array.flush()

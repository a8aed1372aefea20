"""Trained networks kept on disk: one file each, made once, by one process, and made anew where it is damaged."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from lab.door import tensors
from lab.errors import UserError
from lab.training.files import replace_file

Material = TypeVar("Material")


def kept(
    path: Path, what: str, material: Callable[[], Material], make: Callable[[Material], bytes]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and words of the safetensors file ``path``, made first where it is absent or damaged.

    Processes that ask at the same time wait for the one that makes it.

    Args:
        path: its name says everything that the content depends on.
        what: what is being trained, in words, for whoever waits.
        material: what it is made from; asked for before anything is written or told.
        make: the file's content.

    Raises:
        UserError: the directory cannot be made.
    """
    if _readable(path):
        return tensors.read(path)
    found = material()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = "--data-dir or $LAB_DATA names a directory for it"
        raise UserError(f"{path.parent}: cannot be made ({error.strerror}); {where}") from error
    with _alone(path.with_suffix(".lock")):
        if not _readable(path):
            print(f"training {what} (once, then kept in {path}) …", file=sys.stderr)
            replace_file(path, make(found))
    return tensors.read(path)


def cache_directory(data_dir: Path) -> Path:
    """``judges/`` under the data directory, or under the default one where that may not be written to.

    The permission bits count even for root, who could write anyway: a directory marked read-only is left alone.
    """
    writable = not data_dir.exists() or (data_dir.stat().st_mode & 0o222 and os.access(data_dir, os.W_OK))
    return (data_dir if writable else Path("~/.cache/phase-lab").expanduser()) / "judges"


def _readable(path: Path) -> bool:
    try:
        return path.exists() and bool(tensors.read(path)[1])
    except UserError:
        return False


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold an advisory lock, which the system drops even if the process is killed."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

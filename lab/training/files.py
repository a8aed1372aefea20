"""Writing that survives a kill or a power cut: whole files and whole directories, or nothing."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.errors import RunError, UserError

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
}


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it.

    Raises:
        OSError: it cannot be written, or a link is in its place, which is not followed.
    """
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o666)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the disk has a directory's entries (a rename lives in its parent), if its file system can say so."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def replace_file(path: Path, data: bytes) -> None:
    """Give a file new content in one instant.

    Raises:
        UserError: a folder is in its place.
    """
    if path.is_dir():
        raise UserError(f"{path}: cannot be written: Is a directory")
    beside = path.with_name(f".{path.name}.new")
    if beside.is_symlink():
        beside.unlink()
    try:
        write_synced(beside, data)
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def create_directory(
    path: Path, files: Mapping[str, bytes], directories: Iterable[str] = (), replace: bool = False
) -> None:
    """Make a directory with all its content in one instant.

    Raises:
        OSError: a directory that is not empty is there already and not to be replaced, or the disk refuses;
            nothing is left behind and what was there stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    remove(beside)
    try:
        beside.mkdir(parents=True)
        for name in directories:
            (beside / name).mkdir()
        for name, data in files.items():
            write_synced(beside / name, data)
        sync_directory(beside)
        if replace and path.exists():
            retire(path)
        beside.rename(path)
    except BaseException:
        remove(beside)
        raise
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Delete a directory and all in it, or whatever else is there; of a link only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def retire(path: Path) -> None:
    """Delete a directory so that it is never seen half there."""
    hidden = path.with_name(f".{path.name}.old")
    remove(hidden)
    path.rename(hidden)
    remove(hidden)


def full_disk(error: OSError) -> str | None:
    """What to tell the user if the error means that there is no room left, else ``None``."""
    reason = FULL.get(error.errno or 0)
    return reason and f"{reason} ({error.filename})" if error.filename else reason


@contextmanager
def room_for(what: str, advice: str) -> Iterator[None]:
    """Turn a full disk into a :class:`RunError` of one line: what was being written, and ``advice``."""
    try:
        yield
    except OSError as error:
        reason = full_disk(error)
        if reason is None:
            raise
        raise RunError(f"{what}: {reason}; {advice}") from error

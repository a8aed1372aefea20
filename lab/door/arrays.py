"""NumPy archives and IDX files: plain numbers only, of a size that was looked at before anything is unpacked."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.door import files
from lab.errors import UserError

MOST_BYTES = 1 << 28
MOST_MEMBERS = 64
MOST_HEADER = 1 << 13
"""Bytes of an array that are enough for its header."""
UNSIGNED_BYTE = 0x08
"""The IDX type code of the only element type that is read."""
KINDS = "biuf"
"""Booleans, integers and floats."""


def read_npz(path: Path, most: int = MOST_BYTES, names: Collection[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file by name; of ``names`` alone where they are given, the others may be anything.

    Raises:
        UserError: it is none, what is read holds anything but numbers (no object is made), or unpacks to more than
            ``most`` bytes.
    """
    with _opened(path, most) as archive:
        members = [each for each in archive.infolist() if names is None or _name(each) in names]
        if sum(member.file_size for member in members) > most:
            raise ValueError(f"it unpacks to more than {most:,} bytes")
        return {_name(member): _array(archive, member) for member in members}


def npz_names(path: Path) -> list[str]:
    """The names of the arrays of an ``.npz`` file, whatever they hold.

    Raises:
        UserError: it is none.
    """
    with _opened(path, MOST_BYTES) as archive:
        return [_name(member) for member in archive.infolist()]


def npz_header(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of one array of an ``.npz`` file, whose numbers are not read.

    Raises:
        UserError: it is none, or the array is absent or holds anything but numbers.
    """
    with _opened(path, MOST_BYTES) as archive, archive.open(f"{name}.npy") as packed:
        shape, _, dtype = _header(io.BytesIO(packed.read(MOST_HEADER)), name)
        return shape, dtype


@contextmanager
def _opened(path: Path, most: int) -> Iterator[zipfile.ZipFile]:
    """The archive, and around its use all that zipfile and NumPy raise on damaged ones, in one line."""
    try:
        with files.opened(path) as file:
            if os.fstat(file.fileno()).st_size > most:
                raise ValueError(f"larger than {most:,} bytes")
            with zipfile.ZipFile(file) as archive:
                if len(archive.infolist()) > MOST_MEMBERS:
                    raise ValueError(f"it holds more than {MOST_MEMBERS} arrays")
                yield archive
    except (ValueError, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile,
            zlib.error, struct.error, SyntaxError, TypeError, OverflowError) as error:  # fmt: skip
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is no archive of plain arrays ({error})") from None


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _header(data: io.BytesIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(data)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"{name} has format {version}")
    shape, fortran, dtype = read(data, max_header_size=4096)
    if dtype.kind not in KINDS or dtype.hasobject:
        raise ValueError(f"{name} holds {dtype}, no plain numbers")
    return shape, fortran, dtype


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as packed:
        data = io.BytesIO(packed.read(member.file_size + 1))
    shape, fortran, dtype = _header(data, _name(member))
    raw = data.read()
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"{_name(member)} has {len(raw)} bytes for the shape {shape}")
    array = np.frombuffer(raw, dtype).reshape(shape[::-1] if fortran else shape)
    return array.T if fortran else array


def read_idx(path: Path, most: int = MOST_BYTES) -> npt.NDArray[np.uint8]:
    """Decode one gzipped IDX file of unsigned bytes; its header gives the number and lengths of the axes.

    Raises:
        UserError: it is none, or unpacks to more than ``most`` bytes.
    """
    try:
        unpacker = zlib.decompressobj(wbits=31)
        content = unpacker.decompress(files.read(path, most), most + 1)
        if len(content) > most:
            raise ValueError(f"it unpacks to more than {most:,} bytes")
        if not unpacker.eof:
            raise ValueError("it is cut short")
        zero, kind, axes = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{axes}I", content, 4)
        if zero != 0 or kind != UNSIGNED_BYTE:
            raise ValueError(f"type code {kind:#x} where {UNSIGNED_BYTE:#x} belongs")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (ValueError, struct.error, zlib.error) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not a gzipped IDX file of bytes ({error})") from error

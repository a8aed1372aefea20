"""NumPy archives and IDX files: plain numbers only, of a size that was looked at before anything is unpacked."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.door import files
from lab.errors import UserError

MOST_BYTES = 1 << 28
MOST_MEMBERS = 64
UNSIGNED_BYTE = 0x08
"""The IDX type code of the only element type that is read."""
KINDS = "biuf"
"""Booleans, integers and floats."""


def read_npz(path: Path, most: int = MOST_BYTES) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file by name.

    Raises:
        UserError: it is none, holds anything but numbers (no object is made), or unpacks to more than ``most`` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(files.read(path, most))) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > most:
                raise ValueError(f"it unpacks to more than {MOST_MEMBERS} arrays or {most:,} bytes")
            return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except (ValueError, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile,
            zlib.error, struct.error, SyntaxError, TypeError, OverflowError) as error:  # fmt: skip
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is no archive of plain arrays ({error})") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as packed:
        data = io.BytesIO(packed.read(member.file_size + 1))
    version = np.lib.format.read_magic(data)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"{member.filename} has format {version}")
    shape, fortran, dtype = read(data, max_header_size=4096)
    if dtype.kind not in KINDS or dtype.hasobject:
        raise ValueError(f"{member.filename} holds {dtype}, no plain numbers")
    raw = data.read()
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"{member.filename} has {len(raw)} bytes for the shape {shape}")
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

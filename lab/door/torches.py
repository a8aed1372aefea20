"""Weights in a zip of ``torch.save`` files, as Stable-Baselines3 writes one: tensors by name, and nothing else is made.

Such a file is a pickle. Torch's ``weights_only`` unpickler knows tensors and plain containers, and refuses every other
name before anything is called.
"""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from lab.door import files
from lab.door.text import one_line
from lab.errors import UserError

MOST_BYTES = 1 << 30
WRONG = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError, OverflowError)


def weights(path: Path, member: str, most: int = MOST_BYTES) -> dict[str, Tensor]:
    """The tensors of one member of a zip, on the CPU.

    Raises:
        UserError: the file is no zip, has no such member, unpacks to more than ``most`` bytes, or the member holds
            anything but a dictionary of names and tensors.
    """
    try:
        with _unzipped(files.read(path, most), str(path)) as archive:
            data = _within(archive, [member], most, f"{path}: {member}").read(member)
    except KeyError:
        raise UserError(f"{path}: has no {member}; a zip that Stable-Baselines3 saved is accepted") from None
    with _unzipped(data, f"{path}: {member}") as archive:  # torch.save's own format is a zip too
        _within(archive, archive.namelist(), most, f"{path}: {member}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it may not know, which it then refuses
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except WRONG as error:
        raise UserError(f"{path}: {member} holds more than tensors: {one_line(str(error), 200)}") from None
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in found.items()):
        raise UserError(f"{path}: {member} is no dictionary of tensors")
    return dict(found)


@contextmanager
def _unzipped(data: bytes, name: str) -> Iterator[zipfile.ZipFile]:
    """The archive that some bytes are; whatever is wrong with it is a UserError that begins with ``name``."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except UserError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read as a zip: {one_line(str(error), 200)}") from None


def _within(archive: zipfile.ZipFile, members: Sequence[str], most: int, name: str) -> zipfile.ZipFile:
    """``archive``, once it is known that the members say of themselves that they unpack to at most ``most`` bytes."""
    size = sum(archive.getinfo(member).file_size for member in members)
    if size > most:
        raise UserError(f"{name} unpacks to {size:,} bytes; at most {most:,} are accepted")
    return archive

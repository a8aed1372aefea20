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
        with zipfile.ZipFile(io.BytesIO(files.read(path, most))) as archive:
            size = archive.getinfo(member).file_size
            if size > most:
                raise UserError(f"{path}: {member} unpacks to {size:,} bytes; at most {most:,} are accepted")
            with archive.open(member) as stream:
                data = stream.read(most)
    except KeyError:
        raise UserError(f"{path}: has no {member}; a zip that Stable-Baselines3 saved is accepted") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a zip: {one_line(str(error), 200)}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it may not know, which it then refuses
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except WRONG as error:
        raise UserError(f"{path}: {member} holds more than tensors: {one_line(str(error), 200)}") from None
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in found.items()):
        raise UserError(f"{path}: {member} is no dictionary of tensors")
    return dict(found)

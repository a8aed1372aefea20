"""Safetensors: named tensors and words about them, from bytes or from a file."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from lab.door import files, jsons
from lab.errors import UserError

MOST_BYTES = 16 << 30


def parse(data: bytes) -> dict[str, Tensor]:
    """The tensors of a file's content.

    Raises:
        ValueError: it is no safetensors file.
    """
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, TypeError, OverflowError, RuntimeError) as error:
        raise ValueError(f"no safetensors file: {error}") from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, and its metadata.

    Raises:
        UserError: it cannot be read, or is no safetensors file.
    """
    data = files.read(path, MOST_BYTES)
    try:
        tensors = parse(data)
        head = jsons.parse(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return tensors, {str(key): str(value) for key, value in (head.get("__metadata__") or {}).items()}
    except (ValueError, AttributeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None

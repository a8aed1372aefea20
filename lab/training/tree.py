"""Splits a state into named tensors and JSON, and joins them again, exactly and without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, prod
from typing import Any

import numpy as np
import torch

TAG = "$"
PLAIN = (type(None), bool, int, str)
KINDS = "biufcSUmM"
"""Kinds of NumPy types whose bytes are their values."""
DEEPEST_ARRAY = 32


class Splitter:
    """Collects the tensors of one tree; ``tensors`` holds them by a readable name, on the CPU and apart in memory."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}

    def split(self, value: Any, path: str = "") -> Any:
        """``value`` as JSON data, each tensor and array in it replaced by a reference.

        Raises:
            TypeError: something that a checkpoint cannot hold; the message says where it stands.
        """
        if isinstance(value, torch.Tensor):
            return {TAG: "tensor", "name": self._keep(_owned(value, path), path)}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(np.asarray(value), isinstance(value, np.generic), path)
        if type(value) in PLAIN:
            return value
        if type(value) is float:
            return value if isfinite(value) else {TAG: "float", "value": str(value)}
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return {TAG: "tuple", "items": [self.split(item, f"{path}.{i}") for i, item in enumerate(value)]}
        if isinstance(value, list):
            return [self.split(item, f"{path}.{i}") for i, item in enumerate(value)]
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        raise TypeError(
            f"a checkpoint cannot hold {path.lstrip('.') or 'this'}, a {type(value).__module__}.{type(value).__name__}"
        )

    def _mapping(self, value: Mapping[Any, Any], path: str) -> Any:
        items = [(key, self.split(item, f"{path}.{key}")) for key, item in value.items()]
        if all(type(key) is str and not key.startswith(TAG) for key, _ in items):
            return dict(items)
        return {TAG: "dict", "items": [[self.split(key, f"{path}.<key>"), item] for key, item in items]}

    def _array(self, array: np.ndarray[Any, Any], scalar: bool, path: str) -> Any:
        if array.dtype.hasobject or array.dtype.fields:
            raise TypeError(f"a checkpoint cannot hold {path.lstrip('.') or 'this'}, an array of {array.dtype}")
        # As bytes: NumPy has types that torch lacks (longdouble, strings, other byte orders).
        raw = torch.tensor(bytearray(array.tobytes()), dtype=torch.uint8)
        name = self._keep(raw, path)
        return {TAG: "array", "name": name, "dtype": array.dtype.str, "shape": list(array.shape), "scalar": scalar}

    def _keep(self, tensor: torch.Tensor, path: str) -> str:
        base = path.lstrip(".") or "value"
        name, number = base, 1
        while name in self.tensors or name == "__metadata__":
            number += 1
            name = f"{base}~{number}"
        self.tensors[name] = tensor
        return name


def _owned(tensor: torch.Tensor, path: str) -> torch.Tensor:
    """A CPU copy that shares memory with nothing, so that tied and strided tensors can be stored."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
        kind = str(tensor.dtype if tensor.is_complex() else tensor.layout).removeprefix("torch.")
        raise TypeError(f"a checkpoint cannot hold {path.lstrip('.') or 'this'}, a {kind} tensor")
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format).contiguous()


def join(data: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The tree that was split; tensors lie on the CPU, mappings have become dictionaries."""
    if isinstance(data, list):
        return [join(item, tensors) for item in data]
    if not isinstance(data, dict):
        return data
    match data.get(TAG):
        case None:
            return {key: join(item, tensors) for key, item in data.items()}
        case "tensor":
            return tensors[data["name"]]
        case "float":
            return float(data["value"])
        case "tuple":
            return tuple(join(item, tensors) for item in data["items"])
        case "dict":
            return {join(key, tensors): join(item, tensors) for key, item in data["items"]}
        case "array":
            return _rebuild(data, tensors[data["name"]])
        case kind:
            raise ValueError(f"a checkpoint of a newer version: unknown kind {kind!r}")


def _rebuild(data: Mapping[str, Any], raw: torch.Tensor) -> Any:
    dtype, shape = np.dtype(str(data["dtype"])), [int(axis) for axis in data["shape"]]
    if dtype.kind not in KINDS or min(shape, default=0) < 0 or len(shape) > DEEPEST_ARRAY:
        raise ValueError(f"an array of {dtype} and shape {shape}")  # an array of objects would be read as addresses
    if prod(shape) * dtype.itemsize != raw.numel() or raw.dtype != torch.uint8:
        raise ValueError(f"{raw.numel()} values of {raw.dtype} for an array of {dtype} and shape {shape}")
    array = np.ndarray(shape, dtype, raw.numpy().tobytes()).copy()
    return array[()] if data["scalar"] else array

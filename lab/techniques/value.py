"""A number that a step takes: known to the host, or a tensor that is read on the device where it lies."""

from __future__ import annotations

from typing import TypeAlias

from torch import Tensor

Value: TypeAlias = float | Tensor
"""A float, or float32[] on the device."""


def on(value: Value) -> bool:
    """Whether what a value weighs is computed at all: not where it is 0. A tensor, at which nobody looks, is above."""
    return isinstance(value, Tensor) or value > 0

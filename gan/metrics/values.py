"""What every metric does to its arguments first: arrays or tensors to float64, refused where they are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]


def host(values: Any) -> Floats:
    """An array or tensor, on any device, as float64 in host memory."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, np.float64)


def require_finite(values: Floats) -> None:
    """Scores of samples that are not numbers would look like bad samples; refuse them instead."""
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum())} of {values.size} sample values are not finite")


def rows(values: Any, device: torch.device) -> Tensor:
    """An array or tensor [n, …] as a float64 tensor [n, d] on ``device``.

    Raises:
        ValueError: it has no rows, or a value is not finite.
    """
    found = values.detach() if hasattr(values, "detach") else torch.from_numpy(np.array(values))
    found = found.to(device).double()
    if found.ndim < 2 or not found.numel():
        raise ValueError(f"values of shape {tuple(found.shape)}: [n, d] belongs, with n and d at least 1")
    if not (finite := found.isfinite()).all():
        raise ValueError(f"{int((~finite).sum())} of {found.numel()} sample values are not finite")
    return found.flatten(1)


def device_of(*sets: Any) -> torch.device:
    """The accelerator that one of these arrays or tensors lies on, if one does, else the host."""
    places = [values.device for values in sets if hasattr(values, "detach")]
    return next((place for place in places if place.type != "cpu"), torch.device("cpu"))


def pair(first: Any, second: Any) -> tuple[Tensor, Tensor]:
    """Two sets of points, arrays or tensors [n, …] and [m, …], as float64[n, d] and [m, d] on one device."""
    device = device_of(first, second)
    a, b = rows(first, device), rows(second, device)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"points of {a.shape[1]} and of {b.shape[1]} numbers: they must be as long")
    return a, b

"""Images or points from a NumPy archive of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from gan.data.folder import UnlabelledData
from gan.data.part import Dataset, Shape, shuffled, unscored
from lab.door.arrays import npz_header, npz_names, read_npz
from lab.door.text import one_line
from lab.errors import UserError
from lab.supervised.images import CHANNELS, channels_first, image_shape

LEAST_SIDE, MOST_SIDE = 4, 1024
"""Of images, in pixels; features are computed from pictures twice halved."""
ACCEPTED = "uint8[n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3 channels, or points float[n, 2]"


class NpzData(UnlabelledData):
    """One array of an ``.npz`` file: images uint8 (h, w; h, w, c; c, h, w; 1 or 3 channels), or points float[n, 2]."""

    name: Literal["npz"] = "npz"
    path: str = Field(min_length=1, description="the file")
    key: str = Field("images", min_length=1, description="the array's name in it")
    sample: tuple[Annotated[int, Field(ge=1, le=MOST_SIDE)], ...] = Field(
        (), description="shape of one sample, [2] or [channels, height, width]; left out, it is read from the file"
    )

    @model_validator(mode="before")
    @classmethod
    def _measured(cls, value: Any) -> Any:
        """Put the file's shape into the configuration, so that a trained run can be sampled without the file."""
        if not isinstance(value, Mapping) or not isinstance(path := value.get("path"), str):
            return value
        sample, key = value.get("sample"), value.get("key", cls.model_fields["key"].default)
        if not sample and isinstance(key, str):
            sample = _sample_in(path, key)
        return {**value, "sample": tuple(sample or ()) if isinstance(sample, list | None) else sample}

    @model_validator(mode="after")
    def _possible(self) -> NpzData:
        image = len(self.sample) == 3 and self.sample[0] in CHANNELS and min(self.sample[1:]) >= LEAST_SIDE
        if self.sample != (2,) and not image:
            accepted = f"[2] or [1 or 3, height, width] with sides of at least {LEAST_SIDE}"
            raise ValueError(f"sample: {list(self.sample)} is not accepted; {accepted} is")
        if self.held_out and not image:
            raise ValueError("held_out: points are all trained on; 0 is accepted")
        return self

    @property
    def shape(self) -> Shape:
        """A point, or channels, height, width."""
        return self.sample

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        """Read the array.

        Raises:
            UserError: it is no longer of the shape in the configuration, has fewer than two samples (one has no spread
                to score by), or points that are not finite.
        """
        path = Path(self.path).expanduser()
        array = read_npz(path, names=(self.key,)).get(self.key)
        if array is None:
            raise _absent(path, self.key)
        shape = layout(array.shape, array.dtype)
        where = f"data.path: {self.key!r} in {str(path)!r}"
        if shape != self.sample or len(array) < 2:
            found = f"{len(array):,} samples of shape {list(shape or ())}"
            raise UserError(f"{where} has {found}; at least two of shape {list(self.sample)} are expected")
        if shape == (2,):
            with np.errstate(over="ignore"):  # becomes infinite, which is refused
                points = np.array(array, np.float32, order="C")
            if not np.isfinite(points).all():
                raise UserError(f"{where} has points that are not finite")
            return shuffled(torch.from_numpy(points), unscored)
        images = torch.from_numpy(channels_first(array).copy())
        return self.dataset(images, data_dir, warn)


def layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Shape | None:
    """Shape of one sample: (2,) for points, (channels, height, width) for images; None for anything else."""
    if dtype.kind == "f":
        return (2,) if len(shape) == 2 and shape[1] == 2 else None
    return image_shape(shape, dtype)


def _sample_in(name: str, key: str) -> Shape:
    path = Path(name).expanduser()
    if key not in npz_names(path):
        raise _absent(path, key)
    shape, dtype = npz_header(path, key)
    found = layout(shape, dtype)
    if found is None:
        raise UserError(f"{str(path)!r} holds {key!r} as {dtype}{list(shape)}; accepted are {ACCEPTED}")
    if not all(LEAST_SIDE <= length <= MOST_SIDE for length in found[1:] if len(found) == 3):
        accepted = f"accepted are sides of {LEAST_SIDE} to {MOST_SIDE}"
        raise UserError(f"{str(path)!r} holds samples of shape {list(found)}; {accepted}")
    return found


def _absent(path: Path, key: str) -> UserError:
    names = one_line(", ".join(npz_names(path)) or "nothing", 200)
    return UserError(f"{str(path)!r} holds no array {key[:60]!r}; it holds {names}")

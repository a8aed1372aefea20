"""Images of one's own as bytes of one shape: from a folder of files, or from an array in any usual layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

from lab.door import pictures
from lab.door.text import one_line
from lab.errors import UserError

BROKEN_SHOWN = 5
"""Broken files that one warning names."""
CHANNELS = (1, 3)


@dataclass(frozen=True)
class Folder:
    """What a folder held: images uint8[n, channels, size, size] and the broken files, each with its reason."""

    images: Tensor
    broken: Mapping[str, str]

    def told(self, path: str) -> str:
        """One line that names what was left out of the folder ``path``."""
        named = [f"{name} ({reason})" for name, reason in self.broken.items()]
        more = f" and {len(named) - BROKEN_SHOWN} more" if len(named) > BROKEN_SHOWN else ""
        count = f"{len(named)} of {len(named) + len(self.images)} images left out"
        return one_line(f"{path}: {count}: {', '.join(named[:BROKEN_SHOWN])}{more}")


def read(folder: Path, size: int, channels: int, least: int = 2) -> Folder:
    """Read every image under ``folder`` (files whose suffix names an image format), in order of their paths.

    Each is turned upright by its EXIF tag, laid on white where it is transparent, converted to grey or RGB, cropped to
    its centred square and resized. Of an animation the first frame is taken.

    Raises:
        UserError: no such folder, or fewer than ``least`` readable images in it.
    """
    if not folder.is_dir():
        raise UserError(f"data.path: {str(folder)!r} is not a folder")
    suffixes = pictures.suffixes()
    arrays: list[npt.NDArray[np.uint8]] = []
    broken: dict[str, str] = {}
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    for path, found in zip(paths, pictures.read_all(paths, lambda image: to_array(image, size, channels)), strict=True):
        if isinstance(found, pictures.Broken):
            broken[str(path.relative_to(folder))] = found.reason
        else:
            arrays.append(found)
    if len(arrays) < max(least, 1):
        count = {0: "no readable image", 1: "one readable image"}[len(arrays)]
        needed = "at least two are needed" if least > 1 else "at least one is needed"
        raise UserError(f"data.path: {str(folder)!r} holds {count} ({len(broken)} broken); {needed}")
    return Folder(torch.from_numpy(np.stack(arrays)), broken)


def to_array(image: Image.Image, size: int, channels: int) -> npt.NDArray[np.uint8]:
    """One image as uint8[channels, size, size]."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _sixteen_to_eight(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = ImageOps.fit(image.convert("RGB" if channels == 3 else "L"), (size, size), Image.Resampling.LANCZOS)
    array = np.asarray(image, np.uint8)
    return array.transpose(2, 0, 1) if channels == 3 else array[None]


def _sixteen_to_eight(image: Image.Image) -> Image.Image:
    """Pillow's ``convert`` clips numbers above 255 (16-bit grey, floats); scale the range in use instead."""
    values = np.asarray(image, np.float64)
    scale = 255 / 65535 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 1.0
    return Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8))


def image_shape(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...] | None:
    """(channels, height, width) of an array uint8[n, h, w], [n, h, w, c] or [n, c, h, w]; None for anything else.

    Where the second and the last axis could both be the channels, the last is taken for them.
    """
    if dtype != np.uint8 or len(shape) not in (3, 4):
        return None
    if len(shape) == 3:
        return (1, *shape[1:])
    if shape[3] in CHANNELS:
        return (shape[3], *shape[1:3])
    return shape[1:] if shape[1] in CHANNELS else None


def channels_first(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Images of any layout that :func:`image_shape` accepts as [n, channels, height, width]."""
    if images.ndim == 3:
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if images.shape[3] in CHANNELS else images

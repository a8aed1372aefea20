"""Samples to files: a picture for people, an array or a table for programs."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]
TILE_PIXELS = 56
"""Small images are enlarged, by a whole factor, to at least about this many pixels."""


def grid(images: Samples, gap: int = 1) -> npt.NDArray[np.uint8]:
    """Images uint8[n, h, w(, 3)] side by side on a nearly square grid, ``gap`` grey pixels apart."""
    n, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, *images.shape[3:])
    sheet = np.full(shape, 128, np.uint8)
    for place, image in enumerate(images):
        top, left = (gap + at * (side + gap) for at, side in zip(divmod(place, columns), (height, width), strict=True))
        sheet[top : top + height, left : left + width] = image
    return sheet


def write_picture(path: Path, samples: Samples) -> None:
    """Images as a grid, points as a scatter."""
    if samples.ndim == 2:
        _scatter(path, samples)
        return
    from PIL import Image

    sheet = Image.fromarray(grid(samples))
    factor = max(1, TILE_PIXELS // samples.shape[1])
    sheet.resize((sheet.width * factor, sheet.height * factor), Image.Resampling.NEAREST).save(path)


def write_arrays(path: Path, samples: Samples) -> None:
    """One array, ``samples``."""
    with path.open("wb") as file:
        np.savez(file, samples=samples)


def write_table(path: Path, samples: Samples) -> None:
    """One sample a line; an image is its pixels row by row."""
    rows = samples.reshape(len(samples), -1)
    np.savetxt(path, rows, fmt="%d" if rows.dtype == np.uint8 else "%.9g", delimiter=",")


def _scatter(path: Path, points: Samples) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=150, layout="constrained")
    axes = figure.add_subplot(aspect="equal")
    axes.scatter(points[:, 0], points[:, 1], s=6, linewidths=0, alpha=0.6)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    figure.savefig(path)


WRITERS: dict[str, Callable[[Path, Samples], None]] = {
    ".png": write_picture,
    ".npz": write_arrays,
    ".csv": write_table,
}
"""What each suffix means."""

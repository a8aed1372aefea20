"""Image files: decoded by Pillow, of a size that was looked at first."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from lab.door import files

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is read: for others Pillow would start a foreign program, as Ghostscript for EPS."""
MOST_BYTES = 1 << 28
MOST_PIXELS = 100_000_000
MOST_WORKERS = 4
"""Pictures decoded at a time: each may take half a gigabyte."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Broken:
    """A picture that cannot be read, and why, in one line."""

    reason: str


def read(path: Path, use: Callable[[Image.Image], Result]) -> Result:
    """What ``use`` makes of the picture.

    Raises:
        ValueError: no picture, or one of more than ``MOST_PIXELS``; in one line.
    """
    with _without_warnings():
        found = _attempt(path, use)
    if isinstance(found, Broken):
        raise ValueError(found.reason)
    return found


def read_all(paths: Sequence[Path], use: Callable[[Image.Image], Result]) -> list[Result | Broken]:
    """What ``use`` makes of each picture, in the order of ``paths``; several at a time, for Pillow decodes in parallel.

    ``use`` is called by threads of their own. In the place of what :func:`read` would refuse stands why.
    """
    with _without_warnings(), ThreadPoolExecutor(min(MOST_WORKERS, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda path: _attempt(path, use), paths))


def _attempt(path: Path, use: Callable[[Image.Image], Result]) -> Result | Broken:
    """Pillow's decoders raise nearly anything on damaged input (OSError, SyntaxError, struct.error, IndexError, …)."""
    try:
        with Image.open(io.BytesIO(files.read(path, MOST_BYTES)), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width}×{image.height} pixels; at most {MOST_PIXELS:,} are accepted")
            return use(image)
    except Exception as error:
        words = " ".join(re.sub("<_io.*?>", "", str(error)).split())
        return Broken(f"{type(error).__name__}: {words}")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Filters of warnings are the process's: the one who starts threads sets them, not each thread its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def suffixes() -> set[str]:
    """The ends of names that mean a picture."""
    return {end for end, kind in Image.registered_extensions().items() if kind in FORMATS}

"""Image files: decoded by Pillow, of a size that was looked at first."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PIL import Image

from lab.door import files

MOST_BYTES = 1 << 28
MOST_PIXELS = 100_000_000
Result = TypeVar("Result")


def read(path: Path, use: Callable[[Image.Image], Result]) -> Result:
    """What ``use`` makes of the picture.

    Raises:
        ValueError: no picture, or one of more than ``MOST_PIXELS``; in one line. Pillow's decoders raise nearly
            anything on damaged input (OSError, SyntaxError, struct.error, IndexError, …).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(files.read(path, MOST_BYTES))) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"{image.width}×{image.height} pixels; at most {MOST_PIXELS:,} are accepted")
                return use(image)
    except Exception as error:
        words = " ".join(re.sub("<_io.*?>", "", str(error)).split())
        raise ValueError(f"{type(error).__name__}: {words}") from None


def suffixes() -> set[str]:
    """The ends of names that mean a picture."""
    return set(Image.registered_extensions())

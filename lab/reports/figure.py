"""What drawing a figure leaves behind: a file, and the words that stand in for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Saved:
    """A figure on disk.

    Attributes:
        path: the PNG file.
        title: a few words, as a heading.
        alt: what the picture shows, in words, for somebody who cannot see it.
        caption: how to read it: what lines, bands and markers mean.
    """

    path: Path
    title: str
    alt: str
    caption: str

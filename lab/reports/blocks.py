"""What sections of a report are made of, as plain data: tables, and blocks of sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.reports.style import Saved


@dataclass(frozen=True)
class Table:
    """A table: what it shows, its header, its rows; the first cell of a row is its heading."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Block:
    """A part of a section under a heading of its own.

    Attributes:
        title: its heading.
        sentences: what is said, a point each.
        tables: the numbers behind it.
        figures: and its pictures.
    """

    title: str
    sentences: Sequence[str]
    tables: Sequence[Table] = ()
    figures: Sequence[Saved] = ()


@dataclass(frozen=True)
class Frame:
    """What a run made at one moment of its training.

    Attributes:
        step: when.
        path: the picture of it.
        alt: what it shows, in words.
    """

    step: int
    path: Path
    alt: str

"""CSV with a header, rows of words by the name of their column; and tables without one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lab.door import files
from lab.errors import UserError

MOST_BYTES = 64 << 20
MOST_COLUMNS = 5_000


def read(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file.

    Raises:
        UserError: it cannot be read, lacks a needed column, or a row has another number of cells than the header.
    """
    text = files.read_text(path, MOST_BYTES)
    try:
        found = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(found, [])
        missing = [name for name in needed if name not in header]
        if missing or len(set(header)) != len(header) or len(header) > MOST_COLUMNS:
            raise ValueError(f"its header lacks {', '.join(missing)}" if missing else "its header names a column twice")
        return [dict(zip(header, row, strict=True)) for row in found]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def read_rows(path: Path, cells: int, delimiter: str | None = None) -> list[list[str]]:
    """The rows of a table without a header and without quotes; lines without anything are left out.

    Args:
        path: of the file.
        cells: of each row.
        delimiter: what parts them; None is any number of blanks.

    Raises:
        UserError: it cannot be read, has no rows, or one of another number of cells.
    """
    lines = files.read_text(path, MOST_BYTES).splitlines()
    rows = [[word.strip() for word in line.split(delimiter, cells)] for line in lines if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != cells:
            found = len(row) if len(row) < cells else f"more than {cells}"
            raise UserError(f"{path}: row {number} has {found} cells; {cells} are expected")
    if not rows:
        raise UserError(f"{path}: it has no rows")
    return rows

"""Gzipped tar archives: named regular files are read out of them within limits, and nothing is written to disk.

Only names, sizes and contents are read of the format (POSIX.1-1988 "ustar"). The standard library's reader would expand
extended headers of any size before anybody could look at them.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from lab.door import files
from lab.errors import UserError

MOST_PACKED = 1 << 28
MOST_BYTES = 1 << 28
"""Of all that is unpacked, needed or not."""
MOST_ENTRIES = 1000
BLOCK = 512
CHUNK = 1 << 20
REGULAR = (b"0", b"\0")


def members(path: Path, folder: str, names: Collection[str], most: int) -> Iterator[tuple[str, bytes]]:
    """The files ``names``, in the order of the archive, from its top or from ``folder`` in it.

    No other spelling of a name counts, and a link, device or folder of that name is none. The archive is read to its
    end, where its check sum lies, before the iterator is exhausted.

    Args:
        path: a ``.tar.gz`` file.
        folder: what may stand before a name, without the slash.
        names: which files.
        most: bytes that one of them may have.

    Raises:
        UserError: it is no such archive, is cut short or damaged, unpacks to more than ``MOST_BYTES``, or lacks one of
            the files or holds it twice.
    """
    wanted = {spelt: name for name in names for spelt in (name, f"{folder}/{name}")}
    found: set[str] = set()
    try:
        with files.opened(path) as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            if os.fstat(packed.fileno()).st_size > MOST_PACKED:
                raise ValueError(f"larger than {MOST_PACKED:,} bytes")
            content = _Content(unpacked)
            while (entry := content.entry()) is not None:
                spelt, size, regular = entry
                name = wanted.get(spelt)
                if name is None or not regular:
                    content.skip(size)
                elif name in found or size > most:
                    raise ValueError(f"{name} stands in it twice" if name in found else f"{name} has {size:,} bytes")
                else:
                    found.add(name)
                    yield name, content.file(size)
            content.skip(MOST_BYTES)
        if missing := sorted(set(names) - found):
            raise ValueError(f"it holds no regular file {missing[0]}")
    except (ValueError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: cannot be read as an archive: {error}") from None


class _Content:
    """An unpacked archive, read forwards and never further than the limits."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = MOST_BYTES
        self._entries = 0

    def entry(self) -> tuple[str, int, bool] | None:
        """Name, size and whether it is a regular file, of the next header; None at the end."""
        header = self._read(BLOCK)
        if not header.strip(b"\0"):
            return None
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise ValueError(f"it has more than {MOST_ENTRIES} entries")
        if len(header) < BLOCK or sum(header[:148]) + 8 * ord(" ") + sum(header[156:]) != _octal(header[148:156]):
            raise ValueError("it is damaged, or no tar archive")
        name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
        path = b"/".join((prefix, name)) if prefix and header[257:263] == b"ustar\0" else name
        return path.decode("utf-8", "replace"), _octal(header[124:136]), header[156:157] in REGULAR

    def file(self, size: int) -> bytes:
        """The content that follows a header."""
        content = self._read(size)
        if len(content) < size:
            raise ValueError("it is cut short")
        self.skip(0, after=size)
        return content

    def skip(self, size: int, after: int = 0) -> None:
        """Pass over ``size`` bytes, as far as there are any, and what fills the last block."""
        size += -(size + after) % BLOCK
        while size and (passed := len(self._read(min(size, CHUNK)))):
            size -= passed

    def _read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
        return data


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits.isdigit():
        raise ValueError("it is damaged, or no tar archive")
    return int(digits, 8)

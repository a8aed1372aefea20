"""Writes data frames as R's save() does, for tests: R Internals, section 1.8, every value by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SYMBOL, PAIRLIST, CHARS, INTEGER, REAL, STRING, VECTOR, NIL = 1, 2, 9, 13, 14, 16, 19, 254
OBJECT, ATTRIBUTES, TAG = 1 << 8, 1 << 9, 1 << 10


def whole(*values: int) -> bytes:
    return struct.pack(f">{len(values)}i", *values)


class Writer:
    """Symbols that come again are references, as R writes them."""

    def __init__(self) -> None:
        self.symbols: list[str] = []

    def word(self, text: str) -> bytes:
        return whole(CHARS | 1 << 18, len(text)) + text.encode()

    def symbol(self, name: str) -> bytes:
        if name in self.symbols:
            return whole((self.symbols.index(name) + 1) << 8 | 255)
        self.symbols.append(name)
        return whole(SYMBOL) + self.word(name)

    def words(self, texts: Sequence[str]) -> bytes:
        return whole(STRING, len(texts)) + b"".join(map(self.word, texts))

    def pairs(self, values: Mapping[str, bytes | Sequence[str]]) -> bytes:
        parts = []
        for name, value in values.items():
            tag = self.symbol(name)
            parts.append(whole(PAIRLIST | TAG) + tag + (value if isinstance(value, bytes) else self.words(value)))
        return b"".join(parts) + whole(NIL)

    def numbers(self, values: Sequence[float]) -> bytes:
        return whole(REAL, len(values)) + struct.pack(f">{len(values)}d", *values)

    def integers(self, values: Sequence[int]) -> bytes:
        return whole(INTEGER, len(values), *values)

    def factor(self, codes: Sequence[int], levels: Sequence[str]) -> bytes:
        data = whole(INTEGER | OBJECT | ATTRIBUTES, len(codes), *codes)
        return data + self.pairs({"levels": levels, "class": ["factor"]})


Column = Sequence[float] | tuple[Sequence[int], Sequence[str]]


def saved(name: str, columns: Mapping[str, Column], version: int = 2) -> bytes:
    """A file with one data frame; a pair is a factor of codes from 1 and levels, integers are R's integers."""
    write = Writer()
    tag = write.symbol(name)
    items = []
    for column in columns.values():
        if isinstance(column, tuple):
            items.append(write.factor(*column))
        else:
            whole_ones = all(isinstance(value, int) for value in column)
            items.append(write.integers(column) if whole_ones else write.numbers(column))  # type: ignore[arg-type]
    rows = len(items) and len(next(iter(columns.values())))
    frame = whole(VECTOR | OBJECT | ATTRIBUTES, len(items)) + b"".join(items)
    frame += write.pairs(
        {"names": list(columns), "class": ["data.frame"], "row.names": write.integers([-(2**31), -rows])}
    )
    head = b"RDX%d\nX\n" % version + whole(version, 0x40000, 0x20300 if version == 2 else 0x30500)
    if version == 3:
        head += whole(5) + b"UTF-8"
    return head + whole(PAIRLIST | TAG) + tag + frame + whole(NIL)

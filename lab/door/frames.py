"""Data frames that R saved (``.rda``, ``.RData``): columns of numbers and factors; nothing else is read or run.

The format is R's serialization, versions 2 and 3, big-endian ("XDR"), packed by gzip, bzip2 or xz: "R Internals",
section 1.8. A file is a pairlist of named objects; of the one that is asked for, a generic vector of the class
``data.frame`` is understood whose items are vectors of numbers and factors. Closures, environments, promises, byte code
and whatever else R can write are refused where they stand.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lab.door import files
from lab.errors import UserError

MOST_BYTES = 64 << 20
"""Of the file, and of what it unpacks to."""
MOST_ITEMS = 1_000_000
"""Values that are no numbers in a vector: words, lists, attributes."""
MOST_DEPTH = 16
MEMORY = 256 << 20
"""What the decoder of xz may allocate."""
MAGIC = (b"RDX2\nX\n", b"RDX3\nX\n")
NO_INTEGER = -(2**31)

SYMBOL, PAIRLIST, CHARS, LOGICAL, INTEGER, REAL, STRING, VECTOR = 1, 2, 9, 10, 13, 14, 16, 19
NIL, REFERENCE = 254, 255
OBJECT, ATTRIBUTES, TAG = 1 << 8, 1 << 9, 1 << 10


@dataclass(frozen=True)
class Factor:
    """A column of words: ``levels[codes[row]]``; codes int64[rows]."""

    codes: npt.NDArray[np.int64]
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """A data frame's columns by name, in its order: numbers float64[rows], NaN where R has NA, and factors."""

    numbers: Mapping[str, npt.NDArray[np.float64]]
    factors: Mapping[str, Factor]


@dataclass
class _Node:
    """A value with its attributes."""

    value: Any
    attributes: dict[str, _Node] = field(default_factory=dict)


class _Packed(Protocol):
    """What unpacks a little at a time."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, most: int, /) -> bytes: ...


PACKED: Mapping[bytes, Callable[[], _Packed]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
}
"""How a file may be packed, by its first bytes."""


def read(path: Path, name: str) -> Frame:
    """The data frame ``name`` of a file.

    Raises:
        UserError: it cannot be read, is larger than the limits, is none of R's, or the object is absent, or holds
            anything but numbers and factors.
    """
    try:
        return parse(unpacked(files.read(path, MOST_BYTES)), name)
    except (ValueError, struct.error, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is no data frame of R's ({error})") from None


def unpacked(data: bytes) -> bytes:
    """The content, of at most ``MOST_BYTES``."""
    for magic, make in PACKED.items():
        if data.startswith(magic):
            unpacker = make()
            content = unpacker.decompress(data, MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
            if not unpacker.eof:
                raise ValueError("it is cut short")
            return content
    return data


def parse(data: bytes, name: str) -> Frame:
    """The data frame ``name`` of unpacked content.

    Raises:
        ValueError: it is none, in one line.
    """
    if not data.startswith(MAGIC):
        raise ValueError("it does not begin as a file of R's save()")
    walk = _Walk(data, len(MAGIC[0]))
    version, _, _ = walk.integer(), walk.integer(), walk.integer()
    if version not in (2, 3):
        raise ValueError(f"its version is {version}; 2 and 3 are read")
    if version == 3:
        walk.take(walk.length(1))  # the encoding of words; ours are read as UTF-8
    objects = walk.item(0)
    if not isinstance(objects.value, dict):
        raise ValueError("it holds no named objects")
    if walk.left:
        raise ValueError("something follows its end")
    if name not in objects.value:
        raise ValueError(f"it holds no {name}")
    return _frame(objects.value[name])


class _Walk:
    """Reads one value after the other; every length is held against what is left before anything is allocated."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._symbols: list[str] = []
        self._items = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("it is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        found: int = struct.unpack(">i", self.take(4))[0]
        return found

    def length(self, width: int) -> int:
        """A count of values of ``width`` bytes each, which must be there."""
        count = self.integer()
        if not 0 <= count * width <= self.left:
            raise ValueError(f"it says that {count} values follow where {self.left:,} bytes do")
        return count

    def item(self, depth: int) -> _Node:
        self._items += 1
        if self._items > MOST_ITEMS or depth > MOST_DEPTH:
            raise ValueError(f"more than {MOST_ITEMS:,} values, or more than {MOST_DEPTH} levels of them")
        flags = self.integer()
        kind = flags & 0xFF
        if kind not in READERS:
            raise ValueError(f"a value of R's type {kind} is not accepted")
        node = _Node(READERS[kind](self, flags, depth))
        if kind in VECTORS and flags & ATTRIBUTES:
            node.attributes = _of(dict, self.item(depth + 1).value)
        return node

    def nothing(self, flags: int, depth: int) -> dict[str, _Node]:
        """The end of a pairlist."""
        return {}

    def symbol(self, flags: int, depth: int) -> str:
        self._symbols.append(_of(str, self.item(depth + 1).value))
        return self._symbols[-1]

    def reference(self, flags: int, depth: int) -> str:
        place = (flags >> 8) or self.integer()
        if not 1 <= place <= len(self._symbols):
            raise ValueError(f"it refers to symbol {place} of {len(self._symbols)}")
        return self._symbols[place - 1]

    def pairlist(self, flags: int, depth: int) -> dict[str, _Node]:
        """Named values, one after the other."""
        found: dict[str, _Node] = {}
        while flags & 0xFF == PAIRLIST:
            if flags & ATTRIBUTES or not flags & TAG:
                raise ValueError("a list of values without names is not accepted")
            name = _of(str, self.item(depth + 1).value)
            found[name] = self.item(depth + 1)
            flags = self.integer()
        if flags & 0xFF != NIL:
            raise ValueError("a list of values does not end")
        return found

    def chars(self, flags: int, depth: int) -> str | None:
        if (count := self.integer()) == -1:
            return None
        if not 0 <= count <= self.left:
            raise ValueError("it is cut short")
        return self.take(count).decode("utf-8", "replace")

    def integers(self, flags: int, depth: int) -> npt.NDArray[np.float64]:
        whole = np.frombuffer(self.take(4 * self.length(4)), ">i4")
        return np.where(whole == NO_INTEGER, np.nan, whole.astype(np.float64))

    def reals(self, flags: int, depth: int) -> npt.NDArray[np.float64]:
        return np.frombuffer(self.take(8 * self.length(8)), ">f8").astype(np.float64)

    def strings(self, flags: int, depth: int) -> list[str]:
        return [_of(str, self.item(depth + 1).value) for _ in range(self.length(4))]

    def vector(self, flags: int, depth: int) -> list[_Node]:
        return [self.item(depth + 1) for _ in range(self.length(4))]


READERS: Mapping[int, Callable[[_Walk, int, int], Any]] = {
    NIL: _Walk.nothing,
    SYMBOL: _Walk.symbol,
    REFERENCE: _Walk.reference,
    PAIRLIST: _Walk.pairlist,
    CHARS: _Walk.chars,
    LOGICAL: _Walk.integers,
    INTEGER: _Walk.integers,
    REAL: _Walk.reals,
    STRING: _Walk.strings,
    VECTOR: _Walk.vector,
}
"""What each accepted type is read by."""
VECTORS = (LOGICAL, INTEGER, REAL, STRING, VECTOR)


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _words(node: _Node, attribute: str) -> list[str]:
    found = node.attributes.get(attribute)
    return [] if found is None else [_of(str, word) for word in _of(list, found.value)]


def _frame(node: _Node) -> Frame:
    if "data.frame" not in _words(node, "class"):
        raise ValueError("what it holds by that name is no data frame")
    names, columns = _words(node, "names"), _of(list, node.value)
    if len(names) != len(columns) or len(set(names)) != len(names) or not columns:
        raise ValueError(f"{len(columns)} columns have {len(set(names))} names")
    numbers: dict[str, npt.NDArray[np.float64]] = {}
    factors: dict[str, Factor] = {}
    for name, column in zip(names, columns, strict=True):
        if not isinstance(column, _Node) or type(column.value) is not np.ndarray:
            raise ValueError(f"its column {name[:60]!r} holds no numbers and no factor")
        if "factor" in _words(column, "class"):
            factors[name] = _factor(name, column)
        else:
            numbers[name] = column.value
    if len({len(column.value) for column in columns}) != 1:
        raise ValueError("its columns differ in length")
    return Frame(numbers, factors)


def _factor(name: str, column: _Node) -> Factor:
    levels = _words(column, "levels")
    codes = column.value
    if not ((codes >= 1) & (codes <= len(levels)) & (codes == np.floor(codes))).all():  # NaN is none of them
        raise ValueError(f"its column {name[:60]!r} has codes that are none of its {len(levels)} levels")
    return Factor(codes.astype(np.int64) - 1, tuple(levels))

"""Pickled tables of bytes and integers: the opcodes are walked, plain values are kept, nothing is imported or called.

What a pickle would build by calling something stays a :class:`_Shell` that knows the name of what would be called; of
these only an array of bytes is understood, as NumPy pickles it (``numpy.core.multiarray._reconstruct`` and a state of
version, shape, type, order and content). Opcodes: ``pickletools`` of the standard library, protocols 2 and later.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_BYTES = 64 << 20
MOST_OPCODES = 200_000
"""A published batch of CIFAR-10, with a name for each of its 10,000 images, has about 50,000."""
MOST_AXES = 4
ARRAYS = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
TYPE = "numpy dtype"
NAMES = (*ARRAYS, TYPE, "numpy ndarray")
"""What a pickle may name; none of it is imported."""
BYTE = ("u1", "|u1")


def parse(data: bytes, keys: Sequence[str]) -> list[npt.NDArray[Any]]:
    """What a pickled mapping holds at ``keys``: arrays of bytes as uint8 of their shape, lists of integers as int64[n].

    Raises:
        ValueError: in one line: it is no pickle, larger than the limits, no mapping, asks for anything to be called but
            what makes an array of bytes, or lacks a key or holds something else there.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES:,} bytes")
    walk = _Walk()
    try:
        for number, (opcode, argument, at) in enumerate(pickletools.genops(data)):
            if number >= MOST_OPCODES:
                raise ValueError(f"more than {MOST_OPCODES:,} opcodes")
            if opcode.name == "STOP":
                if (at or 0) + 1 != len(data):
                    raise ValueError("something follows its end")
            elif opcode.name in OPCODES:
                OPCODES[opcode.name](walk, argument)
            else:
                raise ValueError(f"the opcode {opcode.name} is not accepted")
        mapping = _of(dict, walk.stack.pop())
    except (IndexError, KeyError):
        raise ValueError("its opcodes do not fit together") from None
    if missing := [key for key in keys if key not in mapping]:
        raise ValueError(f"it has no {missing[0]!r}")
    return [_array(key, mapping[key]) for key in keys]


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names."""

    name: str


@dataclass
class _Shell:
    """What a call of ``name`` would make: its arguments, and the state that it would be given afterwards."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


class _Walk:
    """The stack machine of a pickle, on plain values."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self, _: None) -> None:
        self._below.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        values = self.stack
        self.stack = self._below.pop()
        return values

    def gather(self, count: int) -> None:
        values = tuple(self.stack.pop() for _ in range(count))
        self.stack.append(values[::-1])

    def extend(self, values: list[Any]) -> None:
        _of(list, self.stack[-1]).extend(values)

    def update(self, values: list[Any]) -> None:
        target = _of(dict, self.stack[-1])
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[key.decode("latin-1") if type(key) is bytes else _of(str, key)] = value

    def keep(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def name(self, name: str) -> None:
        if name not in NAMES:
            raise ValueError(f"it names {name[:60]!r}, and nothing is called but what makes an array of bytes")
        self.stack.append(_Name(name))

    def name_from_stack(self, _: None) -> None:
        name, module = _of(str, self.stack.pop()), _of(str, self.stack.pop())
        self.name(f"{module} {name}")

    def call(self, _: None) -> None:
        arguments, called = _of(tuple, self.stack.pop()), _of(_Name, self.stack.pop())
        self.stack.append(_Shell(called.name, arguments))

    def build(self, _: None) -> None:
        state, shell = self.stack.pop(), _of(_Shell, self.stack[-1])
        shell.state = state


OPCODES: dict[str, Callable[[_Walk, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda walk, _: None),
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES",
         "BINUNICODE", "SHORT_BINUNICODE"), _Walk.push,
    ),
    "NONE": lambda walk, _: walk.push(None),
    "NEWTRUE": lambda walk, _: walk.push(True),
    "NEWFALSE": lambda walk, _: walk.push(False),
    "EMPTY_DICT": lambda walk, _: walk.push({}),
    "EMPTY_LIST": lambda walk, _: walk.push([]),
    "EMPTY_TUPLE": lambda walk, _: walk.push(()),
    "MARK": _Walk.mark,
    "TUPLE": lambda walk, _: walk.push(tuple(walk.marked())),
    "TUPLE1": lambda walk, _: walk.gather(1),
    "TUPLE2": lambda walk, _: walk.gather(2),
    "TUPLE3": lambda walk, _: walk.gather(3),
    "APPEND": lambda walk, _: walk.extend([walk.stack.pop()]),
    "APPENDS": lambda walk, _: walk.extend(walk.marked()),
    "SETITEM": lambda walk, _: walk.update([walk.stack.pop(-2), walk.stack.pop()]),
    "SETITEMS": lambda walk, _: walk.update(walk.marked()),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Walk.keep),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Walk.recall),
    "GLOBAL": _Walk.name,
    "STACK_GLOBAL": _Walk.name_from_stack,
    "REDUCE": _Walk.call,
    "BUILD": _Walk.build,
}  # fmt: skip
"""What each accepted opcode does."""


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _array(key: str, value: Any) -> npt.NDArray[Any]:
    if type(value) is list:
        if not all(type(item) is int and abs(item) < 2**63 for item in value):
            raise ValueError(f"{key!r} is a list of something other than integers")
        return np.array(value, np.int64)
    state = value.state if type(value) is _Shell and value.name in ARRAYS else None
    if type(state) is not tuple or len(state) != 5:
        raise ValueError(f"{key!r} is neither an array of bytes nor a list of integers")
    _, shape, kind, fortran, content = state
    kind, shape = _of(_Shell, kind), _of(tuple, shape)
    if kind.name != TYPE or not kind.arguments or kind.arguments[0] not in BYTE or fortran is not False:
        raise ValueError(f"{key!r} is an array of something other than bytes, row by row")
    raw = content if type(content) is bytes else _of(str, content).encode("latin-1")
    whole = len(shape) <= MOST_AXES and all(type(n) is int and 0 <= n <= MOST_BYTES for n in shape)
    if not whole or math.prod(shape) != len(raw):
        raise ValueError(f"{key!r} is an array of {len(raw):,} bytes whose shape is another")
    return np.frombuffer(raw, np.uint8).reshape(shape)

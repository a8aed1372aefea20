"""JSON, and JSON lines: read to a limited depth and checked against what is expected of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lab.door import files
from lab.errors import UserError

DEEPEST = 100
MOST_BYTES = 64 << 20
MOST_LINE = 1 << 20
MOST_COLUMNS = 2_000
LONGEST_NAME = 200
LAST = 2**62
"""No step is larger."""
LARGEST = 1e100
"""No honest number in a log is larger; squares and sums of these are still finite."""
WORDS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
"""How :mod:`lab.training.jsonlines` writes what JSON has no number for."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKET = re.compile(rb"[\[\]{}]")
Model = TypeVar("Model", bound=BaseModel)


def parse(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, or nested deeper than ``DEEPEST``; json itself would end the interpreter's stack.
    """
    if data.count(b"[") + data.count(b"{") > DEEPEST:
        depth = 0
        for bracket in _BRACKET.finditer(_STRING.sub(b"", data)):
            depth += 1 if bracket[0] in b"[{" else -1
            if depth > DEEPEST:
                raise ValueError(f"nested deeper than {DEEPEST}")
    value = json.loads(data)
    if _SURROGATE.search(data):
        json.dumps(value, ensure_ascii=False).encode()  # half a character cannot be written, nor shown: ValueError
    return value


def read(path: Path, model: type[Model], most: int = MOST_BYTES) -> Model:
    """A file of one JSON object, as a typed record.

    Raises:
        UserError: it cannot be read, is no JSON, or not what the record asks for; names the first field that is not.
    """
    try:
        value = parse(files.read(path, most))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, UserError) else UserError(f"{path}: cannot be read: {error}") from None
    return typed(value, model, path)


def typed(value: Any, model: type[Model], path: Path) -> Model:
    """What was read of a file, as a typed record.

    Raises:
        UserError: it is not what the record asks for; names the first field that is not.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: cannot be read: {field + ': ' if field else ''}{first['msg'].lower()}") from None


def lines(
    path: Path, check: Callable[[Any], dict[str, Any]], word: bytes = b""
) -> Iterator[tuple[dict[str, Any], int]]:
    """The objects of a file that may still be growing, each with its length in bytes.

    A last line without its newline is not there yet.

    Args:
        path: the file; no lines where it is absent.
        check: returns what is handed on of a line's value, or raises a ValueError that says what is wrong.
        word: only lines that hold these bytes are decoded, and the last line whatever it holds.

    Raises:
        UserError: names the first decoded line that is wrong.
    """
    if not path.exists():
        return
    with files.opened(path) as file:
        number, passed = 0, b""
        while line := file.readline(MOST_LINE):
            if not line.endswith(b"\n"):
                if len(line) == MOST_LINE:
                    raise UserError(f"{path}: line {number + 1} is longer than {MOST_LINE:,} bytes")
                break
            number += 1
            passed = line
            if word in line:
                passed = b""
                yield _line(path, number, line, check), len(line)
        if passed:
            yield _line(path, number, passed, check), len(passed)


def _line(path: Path, number: int, line: bytes, check: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    try:
        return check(parse(line))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: line {number} cannot be read: {error}") from None


def row(value: Any) -> dict[str, Any]:
    """A line of a log: an object with a whole step; everything else in it is left as it is."""
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    step = value.get("step")
    if type(step) is not int or not 0 <= step <= LAST:
        raise ValueError(f"step is {str(step)[:40]}; a whole number of at least 0 is expected")
    return value


def numbers(value: Any) -> dict[str, Any]:
    """A line of metrics: a row whose other values are numbers, under names that can be shown."""
    found_row = row(value)
    for name, found in found_row.items():
        if name == "step" or (type(found) is float and not LARGEST < abs(found) < inf):
            continue
        if type(found) is str and found in WORDS:
            found_row[name] = WORDS[found]
        elif type(found) is int and abs(found) <= LARGEST:
            found_row[name] = float(found)
        else:
            raise ValueError(f"{name[:40]} is {str(found)[:40]}; a number of at most {LARGEST:g} is expected")
    return found_row


def columns(rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """The rows of a log, once it is sure that their names are few and can be shown.

    Raises:
        UserError: names the file and what is wrong.
    """
    names: Mapping[str, None] = dict.fromkeys(name for each in rows for name in each)
    if len(names) > MOST_COLUMNS:
        raise UserError(f"{path}: {len(names):,} columns are not accepted; at most {MOST_COLUMNS:,} are")
    for name in names:
        if not name.isprintable() or len(name) > LONGEST_NAME:
            wanted = f"at most {LONGEST_NAME} printable characters"
            raise UserError(f"{path}: the column {name[:40]!r} is not accepted; a name has {wanted}")
    return rows


def finite(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{str(value)[:40]} is no finite number")
    return float(value)

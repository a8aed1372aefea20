"""What a checkpoint's directory holds, with the sums that tell whether it still is what was written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.door import files, jsons
from lab.door.text import one_line
from lab.errors import UserError

MANIFEST = "manifest.json"
STATE = "state.json"
ABOUT = "about.json"
INTERRUPTED = "interrupted"
"""True in what a checkpoint says of its run if it was made because the run was interrupted."""
KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
MOST_BYTES = 16 << 30


class BrokenCheckpoint(ValueError):  # noqa: N818  (what it is, not what went wrong)
    """A checkpoint that is not as it was written; the message says what differs."""


def paths(directory: str | Path) -> dict[int, Path]:
    """The checkpoints under ``directory`` by step, oldest first, whole or not."""
    found = [path for path in Path(directory).glob("*") if path.name.isdecimal() and path.is_dir()]
    return {int(path.name): path for path in sorted(found, key=lambda path: int(path.name))}


def written(content: Mapping[str, bytes]) -> bytes:
    """The manifest of a checkpoint of this content."""
    sums = {name: hashlib.sha256(blob).hexdigest() for name, blob in content.items()}
    return json.dumps({"format": 1, "sha256": sums}, indent=1).encode()


def verified(path: Path, names: Iterable[str] = ()) -> dict[str, bytes]:
    """The content of a checkpoint's files, or of some of them, once it is sure that it is as it was written.

    Raises:
        BrokenCheckpoint: a file is missing, or not as its sum says.
    """
    sums = _sums(path)
    content = {name: _part(path / name) for name in names or sums}
    for name, blob in content.items():
        if hashlib.sha256(blob).hexdigest() != sums[name]:
            raise BrokenCheckpoint(f"{name} is not as it was written")
    return content


def about(data: bytes) -> dict[str, Any]:
    """What a run says about itself, with whole lengths of its logs and, unless the run is old, their sums.

    Raises:
        ValueError: it says something else.
    """
    found = jsons.parse(data)
    if not isinstance(found, dict):
        raise ValueError(f"{ABOUT} is no object")
    logs, sums = found.get("logs", {}), found.get("sums", {})
    if not isinstance(logs, dict) or not all(type(size) is int and 0 <= size <= jsons.LAST for size in logs.values()):
        raise ValueError(f"{ABOUT}: logs are no lengths")
    if not isinstance(sums, dict) or not sums.keys() <= logs.keys():
        raise ValueError(f"{ABOUT}: sums are of no logs")
    return found


def stay(directory: str | Path, keep: int) -> set[Path]:
    """The checkpoints that a run keeps: the newest ``keep``, and beside them one that an interruption made since."""
    every = list(paths(directory).values())
    due = [path for path in every if not _by_interruption(path)]
    since = every[every.index(due[-1]) + 1 :] if due else every
    return {*due[-keep:], *since[-1:]}


def _by_interruption(path: Path) -> bool:
    try:
        return about(verified(path, (ABOUT,))[ABOUT]).get(INTERRUPTED) is True
    except (ValueError, RecursionError):
        return False


def newest_about(directory: str | Path) -> tuple[int, dict[str, Any]] | None:
    """Step of the newest checkpoint that has it, and what it says about its run; None where there is none."""
    for step, path in reversed(paths(directory).items()):
        try:
            return step, about(verified(path, (ABOUT,))[ABOUT])
        except (ValueError, RecursionError):
            continue
    return None


def _sums(path: Path) -> dict[str, Any]:
    try:
        sums: dict[str, Any] = jsons.parse(_part(path / MANIFEST))["sha256"]
        if not all(KEY.fullmatch(name) for name in sums):
            raise ValueError("a name in it is none of a checkpoint's files")
        if STATE not in sums or ABOUT not in sums or not isinstance(sums, dict):
            raise ValueError(f"it lacks {STATE} or {ABOUT}")
    except BrokenCheckpoint:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenCheckpoint(f"{MANIFEST} cannot be read: {one_line(str(error), 200)}") from None
    return sums


def _part(path: Path) -> bytes:
    if not path.exists():
        raise BrokenCheckpoint(f"{path.name} is missing")
    try:
        return files.read(path, MOST_BYTES)
    except UserError:
        raise BrokenCheckpoint(f"{path.name} cannot be read") from None

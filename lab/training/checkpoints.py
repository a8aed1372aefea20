"""Checkpoints: a state as safetensors and JSON, written whole or not at all, with sums that tell whether it still is.

A checkpoint is a directory ``<step:09d>`` of

- ``<key>.safetensors`` for each top-level key of the state that holds tensors,
- ``state.json``: the step and the state, with references in the place of tensors,
- ``about.json``: what the run says about itself (it may differ between two runs of the same weights),
- ``manifest.json``: the SHA-256 sum of each of these files.

It is written beside under a hidden name, flushed to the disk, and renamed: none that is half-written ever bears the
name of a step.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lab.door import files as door_files
from lab.door import jsons, tensors
from lab.door.text import one_line
from lab.errors import UserError
from lab.training import files, tree

KEEP = 3
MANIFEST = "manifest.json"
STATE = "state.json"
ABOUT = "about.json"
KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class BrokenCheckpoint(ValueError):  # noqa: N818  (what it is, not what went wrong)
    """A checkpoint that is not as it was written; the message says what differs."""


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        step: the step at which it was taken.
        state: the trainer's tree.
        about: what the run says about itself (configuration, lengths of its logs).
        rejected: the newer checkpoints that were passed over, each with the reason.
    """

    step: int
    state: dict[str, Any]
    about: dict[str, Any]
    rejected: Mapping[Path, str] = field(default_factory=dict)


def save(
    directory: str | Path, step: int, state: Mapping[str, Any], about: Mapping[str, Any] | None = None, keep: int = KEEP
) -> Path:
    """Write a checkpoint under ``directory``, then delete all but the newest ``keep``.

    Args:
        directory: the run's ``checkpoints`` directory; made where absent.
        step: names the checkpoint; one of the same step is replaced.
        state: a dictionary of trees of dicts, lists, tuples, tensors, NumPy arrays and scalars, numbers and strings.
        about: JSON data kept beside the state.
        keep: how many to leave.

    Raises:
        TypeError: the state holds something else; nothing is written.
        OSError: the disk is full; what was there before is untouched.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob(".*"):
        files.remove(leftover)
    path = directory / f"{step:09d}"
    content = _content(step, state, about or {})
    files.create_directory(path, content, replace=True)
    for old in list(paths(directory).values())[:-keep]:
        files.retire(old)
    return path


def paths(directory: str | Path) -> dict[int, Path]:
    """The checkpoints under ``directory`` by step, oldest first, whole or not."""
    found = [path for path in Path(directory).glob("*") if path.name.isdecimal() and path.is_dir()]
    return {int(path.name): path for path in sorted(found, key=lambda path: int(path.name))}


def load(path: str | Path) -> Checkpoint:
    """One checkpoint, its tensors on the CPU.

    Raises:
        BrokenCheckpoint: a file is missing or not as it was written.
    """
    path = Path(path)
    content = _verified(path)
    try:
        head = jsons.row(jsons.parse(content[STATE]))
        if head["step"] != int(path.name):
            raise BrokenCheckpoint(f"it is of step {head['step']}")
        state = {key: tree.join(data, _tensors(content, key)) for key, data in head["state"].items()}
        about = _about(jsons.parse(content[ABOUT]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
        raise BrokenCheckpoint(f"its content cannot be read: {one_line(str(error), 200)}") from error
    return Checkpoint(head["step"], state, about)


def _about(data: Any) -> dict[str, Any]:
    """What a run says about itself, with whole lengths of its logs."""
    if not isinstance(data, dict):
        raise ValueError(f"{ABOUT} is no object")
    logs = data.get("logs", {})
    if not isinstance(logs, dict) or not all(type(size) is int and 0 <= size <= jsons.LAST for size in logs.values()):
        raise ValueError(f"{ABOUT}: logs are no lengths")
    return data


def newest(directory: str | Path) -> Checkpoint | None:
    """The newest whole checkpoint, which knows those that were passed over; ``None`` where there is none at all.

    Raises:
        BrokenCheckpoint: there are some, and not one is whole.
    """
    rejected: dict[Path, str] = {}
    for path in reversed(paths(directory).values()):
        try:
            found = load(path)
        except BrokenCheckpoint as error:
            rejected[path] = str(error)
        else:
            return Checkpoint(found.step, found.state, found.about, rejected)
    if rejected:
        raise BrokenCheckpoint("; ".join(f"{path.name}: {reason}" for path, reason in rejected.items()))
    return None


def load_newest(directory: str | Path) -> tuple[int, dict[str, Any]]:
    """Step and state of the newest whole checkpoint.

    Raises:
        UserError: there is none.
    """
    try:
        found = newest(directory)
    except BrokenCheckpoint as error:
        raise UserError(f"{directory}: no checkpoint is whole ({error})") from None
    if found is None:
        raise UserError(f"{directory}: no checkpoint yet")
    return found.step, found.state


def _content(step: int, state: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, bytes]:
    content: dict[str, bytes] = {}
    data = {}
    for key, value in state.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise TypeError(f"the state's key {key!r} cannot name a file; letters, digits, '_', '-' and '.' can")
        splitter = tree.Splitter()
        data[key] = splitter.split(value)
        if splitter.tensors:
            content[f"{key}.safetensors"] = safetensors.torch.save(splitter.tensors)
    content[STATE] = json.dumps({"step": step, "state": data}, allow_nan=False).encode()
    content[ABOUT] = json.dumps(dict(about), allow_nan=False).encode()
    sums = {name: hashlib.sha256(blob).hexdigest() for name, blob in content.items()}
    content[MANIFEST] = json.dumps({"format": 1, "sha256": sums}, indent=1).encode()
    return content


def _verified(path: Path) -> dict[str, bytes]:
    try:
        sums = jsons.parse(_part(path / MANIFEST))["sha256"]
        if not all(KEY.fullmatch(name) for name in sums):
            raise ValueError("a name in it is none of a checkpoint's files")
        content = {name: _part(path / name) for name in sums}
        if STATE not in content or ABOUT not in content:
            raise ValueError(f"it lacks {STATE} or {ABOUT}")
    except BrokenCheckpoint:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenCheckpoint(f"{MANIFEST} cannot be read: {one_line(str(error), 200)}") from None
    for name, blob in content.items():
        if hashlib.sha256(blob).hexdigest() != sums[name]:
            raise BrokenCheckpoint(f"{name} is not as it was written")
    return content


def _part(path: Path) -> bytes:
    if not path.exists():
        raise BrokenCheckpoint(f"{path.name} is missing")
    try:
        return door_files.read(path, tensors.MOST_BYTES)
    except UserError:
        raise BrokenCheckpoint(f"{path.name} cannot be read") from None


def _tensors(content: Mapping[str, bytes], key: str) -> dict[str, torch.Tensor]:
    blob = content.get(f"{key}.safetensors")
    return {} if blob is None else tensors.parse(blob)

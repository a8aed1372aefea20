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

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lab.door import jsons, tensors
from lab.door.text import one_line
from lab.errors import UserError
from lab.training import files, manifest, tree
from lab.training.manifest import ABOUT, KEY, MANIFEST, STATE, BrokenCheckpoint, paths

KEEP = 3


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        step: the step at which it was taken.
        state: the trainer's tree.
        about: what the run says about itself (configuration, lengths and sums of its logs).
        rejected: the newer checkpoints that were passed over, each with the reason.
    """

    step: int
    state: dict[str, Any]
    about: dict[str, Any]
    rejected: Mapping[Path, str] = field(default_factory=dict)


def save(
    directory: str | Path, step: int, state: Mapping[str, Any], about: Mapping[str, Any] | None = None, keep: int = KEEP
) -> Path:
    """Write a checkpoint under ``directory``, then delete all but the newest ``keep``, as far as the system lets it.

    Args:
        directory: the run's ``checkpoints`` directory; made where absent.
        step: names the checkpoint; one of the same step is replaced.
        state: a dictionary of trees of dicts, lists, tuples, tensors, NumPy arrays and scalars, numbers and strings.
        about: JSON data kept beside the state.
        keep: how many to leave; one that an interruption made is not counted, and goes once a later one is written.

    Raises:
        TypeError: the state holds something else; nothing is written.
        OSError: the disk is full; what was there before is untouched.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob(".*"):
        with suppress(OSError):  # what somebody still reads, as on NFS; the next time then
            files.remove(leftover)
    path = directory / f"{step:09d}"
    content = _content(step, state, about or {})
    files.create_directory(path, content, replace=True)
    staying = manifest.stay(directory, keep)
    for old in paths(directory).values():
        if old not in staying:
            with suppress(OSError):
                files.retire(old)
    return path


def load(path: str | Path) -> Checkpoint:
    """One checkpoint, its tensors on the CPU.

    Raises:
        BrokenCheckpoint: a file is missing or not as it was written.
    """
    path = Path(path)
    content = manifest.verified(path)
    try:
        head = jsons.row(jsons.parse(content[STATE]))
        if head["step"] != int(path.name):
            raise BrokenCheckpoint(f"it is of step {head['step']}")
        state = {key: tree.join(data, _tensors(content, key)) for key, data in head["state"].items()}
        about = manifest.about(content[ABOUT])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
        raise BrokenCheckpoint(f"its content cannot be read: {one_line(str(error), 200)}") from error
    return Checkpoint(head["step"], state, about)


def newest(directory: str | Path, objection: Callable[[Checkpoint], str] = lambda found: "") -> Checkpoint | None:
    """The newest whole checkpoint, which knows those that were passed over; ``None`` where there is none at all.

    Args:
        directory: the run's ``checkpoints`` directory.
        objection: says why a whole checkpoint is not to be used; nothing where it is.

    Raises:
        BrokenCheckpoint: there are some, and not one can be used.
    """
    rejected: dict[Path, str] = {}
    for path in reversed(paths(directory).values()):
        try:
            found = load(path)
            if reason := objection(found):
                raise BrokenCheckpoint(reason)
        except BrokenCheckpoint as error:
            rejected[path] = str(error)
        else:
            return replace(found, rejected=rejected)
    if rejected:
        raise BrokenCheckpoint("; ".join(f"{path.name}: {reason}" for path, reason in rejected.items()))
    return None


def needed(directory: str | Path) -> Checkpoint:
    """The newest whole checkpoint, where one has to be.

    Raises:
        UserError: there is none.
    """
    try:
        found = newest(directory)
    except BrokenCheckpoint as error:
        raise UserError(f"{directory}: no checkpoint is whole ({error})") from None
    if found is None:
        raise UserError(f"{directory}: no checkpoint yet")
    return found


def load_newest(directory: str | Path) -> tuple[int, dict[str, Any]]:
    """Step and state of the newest whole checkpoint.

    Raises:
        UserError: there is none.
    """
    found = needed(directory)
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
    content[MANIFEST] = manifest.written(content)
    return content


def _tensors(content: Mapping[str, bytes], key: str) -> dict[str, torch.Tensor]:
    blob = content.get(f"{key}.safetensors")
    return {} if blob is None else tensors.parse(blob)

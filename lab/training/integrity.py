"""Tells whether a run's own files still are what was written: its provenance, its configuration, its logs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.errors import UserError
from lab.training import manifest
from lab.training.jsonlines import summed

SEAL = "sha256"
"""The field of a record that holds the sum of all its other fields."""


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the sum of what it says."""
    rest = {key: value for key, value in record.items() if key != SEAL}
    return {**rest, SEAL: _sum(rest)}


def unsealed(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What a record says, once it is sure that it is as it was sealed; one without a seal is of an older version.

    Raises:
        UserError: names the file.
    """
    if SEAL in record and record != sealed(record):
        raise UserError(f"{path}: is not as it was written; restore it from a copy")
    return {key: value for key, value in record.items() if key != SEAL}


def mark(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run remembers of the configuration that it was made with: its steps, and the sum of all the rest."""
    return {"steps": config["steps"], SEAL: _sum({key: value for key, value in config.items() if key != "steps"})}


def check_mark(config: Mapping[str, Any], known: Mapping[str, Any] | None, path: Path) -> None:
    """Refuse a configuration that was changed since its run was made, but for more steps.

    Args:
        config: as it stands in the file.
        known: its mark; None of a run of an older version.
        path: the file.

    Raises:
        UserError: names the file.
    """
    if known is None:
        return
    now = mark(config)
    if now[SEAL] != known[SEAL] or now["steps"] < known["steps"]:
        raise UserError(f"{path}: was changed since the run was made; restore it, or begin a new run with it")


def altered_log(run: Path, about: Mapping[str, Any]) -> str:
    """The name of a log that is not as it was at a checkpoint; nothing where all are, or are only shorter.

    Args:
        run: the run directory.
        about: what the checkpoint says about the run.
    """
    for name, known in about.get("sums", {}).items():
        path, size = run / Path(name).name, about["logs"][name]
        if path.exists() and path.stat().st_size >= size and summed(path, size).hexdigest() != known:
            return str(path.name)
    return ""


def check_logs(run: Path) -> None:
    """Refuse the logs of a run that are not as they were at its newest checkpoint.

    Raises:
        UserError: names the file.
    """
    found = manifest.newest_about(run / "checkpoints")
    if found and (name := altered_log(run, found[1])):
        raise UserError(f"{run / name}: is not as it was written up to step {found[0]}; restore it from a copy")


def _sum(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

"""What a run directory lacks that a report would show: told in the report, so that no reader looks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from lab.door import files
from lab.errors import UserError
from lab.reports.runs import RunData
from lab.training import manifest
from lab.training.metrics import FILE
from lab.training.run import Run

Skip: TypeAlias = Callable[[str, UserError], None]
"""Is told what is left out of a page, and of the file that is to blame."""


class LeftOut:
    """What a page leaves out because a file cannot be read; a ``Skip``."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def __call__(self, what: str, error: UserError) -> None:
        """Remember it."""
        self._found.setdefault(str(error), []).append(what)

    def sentences(self, run: Path | None = None) -> list[str]:
        """One for each file; of a ``run`` alone they are named as they lie in it."""
        return [
            f"Left out: {', '.join(dict.fromkeys(what))}. {reason.removeprefix(f'{run}/') if run else reason}."
            for reason, what in self._found.items()
        ]


def missing(run: RunData) -> list[str]:
    """A sentence for each thing that is not there, or only in part."""
    kept = Run.open(run.path)
    found = manifest.newest_about(kept.checkpoints)
    # A run that is being trained now may be in the middle of a line.
    said = [] if kept.owner else [_cut(run.path / FILE)]
    if found and run.metrics.rows[-1]["step"] < found[0] and _shorter(run.path / FILE, found[1]):
        last = run.metrics.rows[-1]["step"]
        said.append(
            f"The end of {FILE} is missing: it ends at step {last:,}, and the newest checkpoint is of step "
            f"{found[0]:,}. What is said here is of the rows that are there."
        )
    if len(run.metrics.rows) == 1:
        said.append(f"{FILE} has a single row: figures show a point, and nothing can be said of what changes.")
    if found is None:
        said.append("There is no whole checkpoint: the run cannot be gone on with, nor its networks used or measured.")
    if getattr(run.plugin, "frames", None) and not any(kept.snapshots.glob("*")):
        said.append("There are no snapshots: what the run made as it trained cannot be shown.")
    return [sentence for sentence in said if sentence]


def _cut(log: Path) -> str:
    """Whether the last line of a log has no end."""
    with files.opened(log) as file:
        file.seek(-1, os.SEEK_END)
        whole = file.read(1) == b"\n"
    return "" if whole else f"The last line of {log.name} was cut off and is left out: it was not written to its end."


def _shorter(log: Path, about: Mapping[str, Any]) -> bool:
    """Whether a log is shorter than it was at a checkpoint."""
    return bool(log.stat().st_size < about.get("logs", {}).get(log.name, 0))

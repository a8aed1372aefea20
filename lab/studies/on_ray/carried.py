"""Run directories carried between machines: what changed in them since the last time, and the same written elsewhere.

What is carried is a state from which a run goes on: its logs are never shorter than its newest checkpoint knows them,
and a checkpoint is carried whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.door import files as door_files
from lab.errors import RunError
from lab.studies.pool import LOGS
from lab.training.files import create_directory, remove, replace_file, retire
from lab.training.run import CONFIG, LOCK

CHECKPOINTS = "checkpoints"
MOST_BYTES = 16 * 2**30
"""Of one file: as many as the door reads of tensors."""
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Cargo:
    """Files of runs.

    Attributes:
        files: path below the folder of runs -> content, of those that changed.
        names: every file that there is, changed or not.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


class Sender:
    """Packs the runs of some trials, each time only what is new.

    Args:
        folder: of the run directories.
        keys: their names.
    """

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        self.folder = folder
        self.keys = keys
        self._sent: dict[str, Stamp] = {}
        self._saved: list[str] = []

    def saved(self) -> bool:
        """Whether a run has begun, or has another newest checkpoint, since this was asked last."""
        now = [name for name in self._names() if name.endswith(CONFIG) or f"/{CHECKPOINTS}/" in name]
        before, self._saved = self._saved, now
        return now != before

    def pack(self) -> Cargo | None:
        """What is new; None if a file went away meanwhile, so that a checkpoint may be in pieces: ask again."""
        found, stamps, names = {}, {}, self._names()
        try:
            # By name, so that checkpoints are read before the logs, which have then at least what these know of them.
            for name in names:
                path = self.folder / name
                stamps[name] = _stamp(path)
                if self._sent.get(name) != stamps[name]:
                    found[name] = door_files.read(path, MOST_BYTES)
            for name in found:
                if f"/{CHECKPOINTS}/" in name and _stamp(self.folder / name) != stamps[name]:
                    return None
        except (OSError, ValueError):
            return None
        self._sent = stamps
        return Cargo(found, frozenset(names))

    def _names(self) -> list[str]:
        places = [self.folder / key for key in self.keys]
        logs = [self.folder / LOGS / f"{self.keys[0]}.log"]
        inside = [Path(top) / name for place in places for top, name in _walk(place)]
        return sorted(str(path.relative_to(self.folder)) for path in [*inside, *(log for log in logs if log.exists())])


def unpack(cargo: Cargo, folder: Path) -> None:
    """Write what was packed, and delete the checkpoints that are no more: a kill in between leaves a run that goes on.

    Raises:
        RunError: a name leads out of the folder.
    """
    checkpoints: dict[Path, dict[str, bytes]] = {}
    runs: dict[Path, dict[str, bytes]] = {}
    plain: dict[Path, bytes] = {}
    for name, content in cargo.files.items():
        path = _inside(folder, name)
        if path.parent.parent.name == CHECKPOINTS:
            checkpoints.setdefault(path.parent, {})[path.name] = content
        elif (run := folder / path.relative_to(folder).parts[0]) == path.parent and not (run / CONFIG).exists():
            runs.setdefault(run, {})[path.name] = content
        else:
            plain[path] = content
    for run, content_of in runs.items():  # whole in one instant, as a run is made
        if run.name == LOGS:
            plain |= {run / name: content for name, content in content_of.items()}
        else:
            create_directory(run, content_of, (CHECKPOINTS, "snapshots", "figures"), replace=True)
    for path, content in plain.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    for path, of in checkpoints.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        create_directory(path, of, replace=True)
    kept = {_inside(folder, name).parent for name in cargo.names if f"/{CHECKPOINTS}/" in name}
    for place in {path.parent for path in kept}:
        for path in place.iterdir():
            if path not in kept:
                retire(path) if path.is_dir() and path.name[0] != "." else remove(path)


def _walk(place: Path) -> list[tuple[str, str]]:
    """Folder and name of every file below; nothing hidden, which is being written, and no lock."""
    found = []
    for top, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name[0] != "."]
        found += [(top, name) for name in names if name[0] != "." and name != LOCK]
    return found


def _stamp(path: Path) -> Stamp:
    about = path.stat()
    return about.st_mtime_ns, about.st_size, about.st_ino


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if (
        path.is_absolute()
        and ".." not in Path(name).parts
        and not Path(name).is_absolute()
        and len(Path(name).parts) > 1
    ):
        return path
    raise RunError(f"a worker sent the file {name!r}, which lies in no run")

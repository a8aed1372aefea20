"""A run directory: made whole in one instant, owned by one process, found by its name."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from lab.door import files as door_files
from lab.door import jsons
from lab.door.text import one_line
from lab.door.yamls import dump_yaml, load_yaml
from lab.errors import RunError, UserError
from lab.training import files, integrity, metrics
from lab.training.jsonlines import JsonLines
from lab.training.paths import runs_root

if TYPE_CHECKING:
    from lab.training.config import RunConfig

CONFIG = "config.yaml"
PROVENANCE = "provenance.json"
LOCK = "lock"
LOOKS = 5
"""How often a lock is tried for that somebody may only be looking at."""
TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


class Conducted(BaseModel):
    """What every trainer's config.yaml must say, for those who do not know the trainer."""

    model_config = ConfigDict(extra="allow", strict=True)

    steps: int = Field(ge=1, le=jsons.LAST)
    seed: int = Field(0, ge=0, le=jsons.LAST)
    clock: dict[str, Any]
    voices: dict[str, Any]


class Marked(BaseModel):
    """What :func:`lab.training.integrity.mark` remembers of a configuration."""

    steps: StrictInt
    sha256: str


class Began(BaseModel):
    """What :meth:`lab.training.initial.Initial.record` remembers of the run whose weights another began with."""

    model_config = ConfigDict(extra="allow")

    run: str
    step: int = Field(ge=0, le=jsons.LAST)


class Made(BaseModel):
    """What provenance.json must say; what else it says is only shown."""

    model_config = ConfigDict(extra="allow")

    trainer: str
    threads: StrictInt | None = None
    data_dir: str | None = None
    preset: str | None = None
    seed: StrictInt | None = None
    config: Marked | None = None
    resumed: list[dict[str, Any]] = Field(default_factory=list)
    init_from: Began | None = None


class Run:
    """One training with one seed, and the directory that holds all of it.

    Attributes:
        path: the directory.
        metrics: the log of quantities, a pure function of configuration and device; ``append({"step": …, …})``.
        events: what happened at which step; trainers write to it by :meth:`event`.
        timing: seconds and rate at each row of the metrics.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = JsonLines(path / metrics.FILE)
        self.events = JsonLines(path / "events.jsonl")
        self.timing = JsonLines(path / "timing.jsonl")
        self._locked: int | None = None

    @classmethod
    def create(
        cls, root: str | Path, name: str | None, plugin_name: str, config: RunConfig, preset: str | None = None
    ) -> Run:
        """A new run directory under ``root``.

        Args:
            root: the directory of runs.
            name: the run's name; by default ``<preset>-s<seed>``, with ``-2``, ``-3``… if that is taken.
            plugin_name: the trainer.
            config: saved complete, as ``config.yaml``.
            preset: what the configuration was made from, for the name and the provenance.

        Raises:
            UserError: the name is taken or cannot name a directory.
            RunError: there is no room for it.
        """
        if name is not None and (not name or name[0] == "." or Path(name).name != name or not name.isprintable()):
            raise UserError(
                f"--name {name!r}: a run's name is one word without '/' that can be shown and begins with no '.'"
            )
        stem = name or f"{one_line(preset or plugin_name)}-s{config.seed}"
        plain = config.model_dump(mode="json")
        about = {"trainer": plugin_name, "preset": preset, "seed": config.seed, "config": integrity.mark(plain)}
        content = {CONFIG: dump_yaml(plain).encode(), PROVENANCE: _json(about)}
        for number in count(1):
            path = Path(root) / (stem if number == 1 else f"{stem}-{number}")
            try:
                with files.room_for(f"run {path.name} was not begun", "free some space first"):
                    if path.exists():
                        raise FileExistsError(errno.EEXIST, "exists", str(path))
                    files.create_directory(path, content, ("checkpoints", "snapshots", "figures"))
                return cls(path)
            except OSError as error:
                if error.errno not in TAKEN:
                    raise UserError(f"{path}: cannot make a run here: {error.strerror}") from error
                if name is not None:
                    raise UserError(
                        f"--name {name}: {path} exists already; 'lab resume {name}' goes on with it"
                    ) from None
        raise AssertionError("count() ends never")

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run in an existing directory.

        Raises:
            UserError: the directory is missing, or was not made by :meth:`create`.
        """
        path = Path(path)
        for name in (CONFIG, PROVENANCE):
            if not (path / name).is_file():
                raise UserError(f"{path}: is no run directory (it has no {name})")
        return cls(path)

    @property
    def name(self) -> str:
        """The directory's name, as it can be shown."""
        return one_line(self.path.resolve().name)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration as it stands in ``config.yaml``."""
        found = load_yaml(self.path / CONFIG)
        jsons.typed(found, Conducted, self.path / CONFIG)
        return found

    @property
    def provenance(self) -> dict[str, Any]:
        """What produced the run: flat for its first process, a list ``resumed`` of records for the later ones.

        Raises:
            UserError: the file is not what it should be, or not as it was written.
        """
        found = jsons.read(self.path / PROVENANCE, Made).model_dump(exclude_unset=True)
        return integrity.unsealed(found, self.path / PROVENANCE)

    def check_config(self) -> None:
        """Refuse a ``config.yaml`` that was changed since the run was made, but for more steps.

        Raises:
            UserError: it was.
        """
        integrity.check_mark(self.config, self.provenance.get("config"), self.path / CONFIG)

    @property
    def trainer(self) -> str:
        """The name of the trainer's plug-in."""
        return str(self.provenance["trainer"])

    @property
    def checkpoints(self) -> Path:
        """The directory of checkpoints."""
        return self.path / "checkpoints"

    @property
    def snapshots(self) -> Path:
        """The directory of samples over time and the like."""
        return self.path / "snapshots"

    @property
    def figures(self) -> Path:
        """The directory of figures."""
        return self.path / "figures"

    @property
    def logs(self) -> dict[str, JsonLines]:
        """The logs that are the same for every process that trains the run, by file name; a resume cuts them back."""
        return {log.path.name: log for log in (self.metrics, self.events)}

    def event(self, kind: str, step: int, **data: Any) -> None:
        """Append one line to ``events.jsonl``."""
        self.events.append({"step": step, "kind": kind, **data})

    def record(self, session: Mapping[str, Any]) -> None:
        """Add a process to the provenance: the first one's record flat, a later one's to ``resumed``."""
        known = self.provenance
        if "command" in known:
            known.setdefault("resumed", []).append(dict(session))
        else:
            known |= session
        files.replace_file(self.path / PROVENANCE, _json(known))

    def discard_untrained(self) -> None:
        """Remove the directory if no metrics were logged in it, so that its name is free again."""
        if not self.metrics.path.exists() or not self.metrics.path.stat().st_size:
            files.remove(self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the directory; the system lets go of it when the process ends, however it ends.

        Raises:
            RunError: another process owns it.
        """
        fd = door_files.appendable(self.path / LOCK)
        try:
            if not _locked(fd, fcntl.LOCK_EX):
                raise RunError(f"run {self.name} is in use by process {_owner(fd)}; wait for it or stop it")
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
            self._locked = fd
            yield
        finally:
            self._locked = None
            os.close(fd)
            for log in (self.metrics, self.events, self.timing):
                log.close()

    @property
    def mention(self) -> str:
        """How the user names this run in a next command: by its name where that suffices, else by its path."""
        default = runs_root() / self.name
        near = default.exists() and os.path.samefile(default, self.path)
        return shlex.quote(self.name if near else str(self.path))

    def is_here(self) -> bool:
        """Whether the directory is where it was when this process came to own it; true of one that it does not."""
        if self._locked is None:
            return True
        try:
            here, mine = os.stat(self.path / LOCK), os.fstat(self._locked)
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (mine.st_dev, mine.st_ino)

    @property
    def owner(self) -> str | None:
        """The process that owns the directory, as it says itself; ``None`` where none does. Nothing is made or changed.

        For the instant of looking, the lock is shared with whoever else looks.
        """
        try:
            fd = os.open(self.path / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return None if _locked(fd, fcntl.LOCK_SH) else _owner(fd)
        except OSError:  # no file that could be locked
            return None
        finally:
            os.close(fd)


def _locked(fd: int, how: int) -> bool:
    """Take a lock; whether that was possible. One that is held only for the instant of looking is waited for."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if how == fcntl.LOCK_SH:
                break
            time.sleep(0.01)
    return False


def _owner(fd: int) -> str:
    return os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"


def resolve_run(text: str | Path, results: str | Path | None = None) -> Run:
    """The run that ``text`` means: a run directory's path, else a name under ``runs`` of the results directory.

    Raises:
        UserError: it is neither; the message says which runs there are.
    """
    root = runs_root(results)
    for path in (Path(text), root / text):
        if (path / CONFIG).is_file():
            return Run.open(path)
    names = sorted(path.parent.name for path in root.glob(f"[!.]*/{CONFIG}"))
    close = get_close_matches(str(text), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    raise UserError(f"no run {str(text)!r}, neither a path nor a name under {root}{hint} (runs: {listed or 'none'})")


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(integrity.sealed(data), indent=1) + "\n").encode()

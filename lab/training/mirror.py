"""Mirrors a run's metrics log as TensorBoard's event files: written from the log, never read, and never in its way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lab.door import jsons
from lab.door.text import one_line
from lab.errors import UserError
from lab.training.jsonlines import JsonLines

FOLDER = "tensorboard"
"""Where the mirror lies in a run directory."""
EVENTS = "events.out.tfevents"
"""How TensorBoard knows its files."""
EXTRA = "pip install 'phase-lab[tensorboard]'"


def require() -> None:
    """Make sure that a mirror can be written here.

    Raises:
        UserError: TensorBoard is not installed, or cannot be imported; names the extra to install.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except Exception as error:  # someone else's package, which fails in its own ways where it is only half there
        raise UserError(f"--tensorboard: {one_line(str(error), 200)}; install it: {EXTRA}") from None


class MirroredLog(JsonLines):
    """A metrics log that is written to event files as well: a scalar a column, step by step.

    The event files are made anew whenever the log is cut back, which a process does once before it trains: what a
    killed process left behind, and rows that a checkpoint does not know, are then gone from both. A mirror that cannot
    be written is told once and given up; the log, and so the run, goes on without it. TensorBoard keeps float32.

    Args:
        path: the log.
        folder: where the event files go; others of its files are left alone.
        warn: told why the mirror was given up.
    """

    def __init__(self, path: Path, folder: Path, warn: Callable[[str], None]) -> None:
        super().__init__(path)
        self.folder = folder
        self.warn = warn
        self._events: _EventFile | None = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one line, and show it."""
        super().append(row)
        if self._events is not None:
            self._try(lambda: self._write([row]))

    def truncate(self, size: int) -> None:
        """Cut the log back, and show what is left of it."""
        super().truncate(size)
        self.rewrite()

    def rewrite(self) -> None:
        """Make the event files anew from the log."""
        self._try(self._begin)

    def close(self) -> None:
        """Let go of both."""
        super().close()
        self._try(self._end)

    def _begin(self) -> None:
        self._end()
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{EVENTS}.{time.time_ns()}"  # a viewer reads files in the order of their names
        self._events = _EventFile(path)
        for old in self.folder.glob(f"{EVENTS}.*"):
            if old != path:
                _retire(old)
        self._write(row for row, _ in jsons.lines(self.path, jsons.numbers))

    def _write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        assert self._events is not None
        for row in rows:
            self._events.write(row)
        self._events.flush()

    def _end(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            events.close()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the disk's no, or whatever TensorBoard's own code raises: no reason to stop a run
            self._events = None
            reason = one_line(f"{type(error).__name__}: {error}", 300)
            self.warn(f"{self.folder} is no longer written ({reason}); the run goes on, metrics.jsonl has all of it")


def _retire(old: Path) -> None:
    """Empty an event file, and delete it the next time: a viewer that is reading it would wait for it forever."""
    if old.stat().st_size:
        os.truncate(old, 0)
    else:
        old.unlink()


class _EventFile:
    """One event file: a record a row, with all of its columns.

    SummaryWriter would take a record a column and a thread of its own, whose errors end in a traceback.
    """

    def __init__(self, path: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from torch.utils.tensorboard import RecordWriter

        self._event = Event
        self._file: BinaryIO = path.open("wb")
        self._records = RecordWriter(self._file)
        self._put(file_version="brain.Event:2")
        self._put(step=0, session_log=SessionLog(status=SessionLog.START))  # a viewer forgets the rows it had before

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items() if name != "step"]
        self._put(step=row["step"], summary=Summary(value=values))

    def flush(self) -> None:
        """Hand everything to the system, so that a viewer sees it."""
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _put(self, **content: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **content).SerializeToString())

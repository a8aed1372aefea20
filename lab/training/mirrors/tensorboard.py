"""A run's metrics as TensorBoard's event files."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lab.training.mirrors.mirror import Mirror

if TYPE_CHECKING:
    from lab.training.run import Run

EVENTS = "events.out.tfevents"
"""How TensorBoard knows its files."""


class TensorBoard(Mirror):
    """Event files in the run's directory: a scalar a column, step by step, in float32; other files are left alone."""

    name = "tensorboard"
    program = "TensorBoard"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._events: _EventFile | None = None

    @staticmethod
    def load() -> None:
        """Import TensorBoard."""
        import torch.utils.tensorboard  # noqa: F401

    def begin(self) -> None:
        """Begin an event file that takes the place of the older ones."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{EVENTS}.{time.time_ns()}"  # a viewer reads files in the order of their names
        self._events = _EventFile(path)
        for old in self.folder.glob(f"{EVENTS}.*"):
            if old != path:
                _retire(old)

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the rows, and let a viewer see them."""
        assert self._events is not None
        for row in rows:
            self._events.write(row)
        self._events.flush()

    def close(self) -> None:
        """Close the event file."""
        events, self._events = self._events, None
        if events is not None:
            events.close()

    @property
    def view(self) -> str:
        """The command that shows it."""
        return f"tensorboard --logdir {shlex.quote(str(self.folder))}"


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

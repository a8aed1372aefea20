"""A run's metrics log with its mirrors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.door import jsons
from lab.door.text import one_line
from lab.training.jsonlines import JsonLines
from lab.training.mirrors.mirror import Mirror


class MirroredLog(JsonLines):
    """A metrics log that is shown elsewhere as well, row by row.

    The mirrors are made anew whenever the log is cut back, which a process does once before it trains: what a killed
    process left behind, and rows that a checkpoint does not know, are then gone from them too. A mirror that cannot be
    written is told once and given up; the log, and so the run, goes on without it.

    Args:
        path: the log.
        mirrors: what it is shown in.
        warn: told why a mirror was given up.

    Attributes:
        mirrors: those that were not given up.
    """

    def __init__(self, path: Path, mirrors: Iterable[Mirror], warn: Callable[[str], None]) -> None:
        super().__init__(path)
        self.mirrors = list(mirrors)
        self.warn = warn

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one line, and show it."""
        super().append(row)
        self._each(lambda mirror: mirror.write([row]))

    def truncate(self, size: int) -> None:
        """Cut the log back, and show what is left of it."""
        super().truncate(size)
        self.rewrite()

    def rewrite(self) -> None:
        """Make the mirrors anew from the log."""
        self._each(self._rewrite)

    def close(self) -> None:
        """Let go of all."""
        super().close()
        self._each(lambda mirror: mirror.close())

    def _rewrite(self, mirror: Mirror) -> None:
        mirror.close()
        mirror.begin()
        mirror.write(row for row, _ in jsons.lines(self.path, jsons.numbers))

    def _each(self, work: Callable[[Mirror], None]) -> None:
        for mirror in tuple(self.mirrors):
            try:
                work(mirror)
            except Exception as error:  # the disk's no, or whatever somebody else's code raises: no reason to stop
                self.mirrors.remove(mirror)
                reason = one_line(f"{type(error).__name__}: {error}", 300)
                self.warn(
                    f"{mirror.folder} is no longer written ({reason}); the run goes on, metrics.jsonl has all of it"
                )
                with suppress(Exception):
                    mirror.close()

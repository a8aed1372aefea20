"""Ctrl-C and SIGTERM as a request to stop after the current step."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While entered, the first such signal only sets ``signum``; a second one acts as if we were not here.

    Signals that the process ignores stay ignored, and outside the main thread nothing is changed.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in STOPPING:
                if signal.getsignal(signum) not in (signal.SIG_IGN, None):
                    self._previous[signum] = signal.signal(signum, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum in self._previous:
            self._restore(signum)

    def _request(self, signum: int, frame: FrameType | None) -> None:
        self.signum = signum
        self._restore(signum)

    def _restore(self, signum: int) -> None:
        signal.signal(signum, self._previous[signum])

"""Processes for trials: one fresh single-threaded process each, so many at once, and none that outlives the study.

Every trial is forked from a server that has already imported the trainer's libraries: as isolated as a new interpreter
(no state of one trial reaches another, a crash costs one trial), but ready after about 0.02 s instead of the 1.5 s to
2.5 s that importing torch takes (measured; spawn against forkserver).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from lab.door import files
from lab.errors import Interrupted, RunError, UserError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

LOGS = "logs"
"""The folder of what jobs print."""

PATIENCE = 15.0
"""Seconds that a job which is asked to stop may take to save its state."""

MOST_LOSSES = 3
"""A job whose process has died so often, as for want of memory, has failed."""


@dataclass(frozen=True)
class Job:
    """``work(folder, *arguments)`` in a process of its own; whatever it prints goes to the file ``log``.

    Attributes:
        keys: the trials that it runs. What the work raises stops them all; what it returns tells by key what stopped
            some of them, the others having come to their end.
        folder: where everything that the work reads and writes of these trials lies, each under its key.
    """

    keys: tuple[str, ...]
    folder: Path
    work: Callable[..., Mapping[str, BaseException] | None]
    arguments: tuple[Any, ...] = ()

    @property
    def log(self) -> Path:
        """What the job prints."""
        return self.folder / LOGS / f"{self.keys[0]}.log"


@dataclass(frozen=True)
class Ended:
    """How a trial ended: without error, with one line that says why not, or because it was asked to stop."""

    key: str
    error: str = ""
    stopped: bool = False


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Runs jobs in their order, at most ``size`` at a time; a context manager that leaves no process behind.

    Args:
        size: processes at once, at least 1.
        preload: modules that the server imports before it forks; one that cannot be imported is passed over.
    """

    def __init__(self, size: int, preload: Sequence[str]) -> None:
        self.size = size
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._running: dict[connection.Connection, tuple[Job, Any]] = {}
        self._leaving: list[Any] = []  # processes that have answered: freeing torch's memory takes a while
        self._lost: dict[str, int] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends what still runs (an interrupt, an error); a trial goes on from its last checkpoint another time."""
        for _, process in self._running.values():
            process.terminate()
        for process in [*self._leaving, *(process for _, process in self._running.values())]:
            process.join(PATIENCE)
            if process.exitcode is None:
                process.kill()
                process.join()
        for pipe in self._running:
            pipe.close()
        self._leaving.clear()
        self._running.clear()

    @property
    def running(self) -> list[str]:
        """Keys of the trials that run now."""
        return [key for job, _ in self._running.values() for key in job.keys]

    def run(self, jobs: Sequence[Job], tick: float = 0.5) -> Iterator[Ended | None]:
        """Run all; yields how trials ended as jobs do, and None at least every ``tick`` seconds for a display."""
        waiting = list(reversed(jobs))
        ended: list[Ended] = []
        while waiting or self._running or ended:
            while waiting and len(self._running) < self.size:  # before what ended is told of, which takes a while
                self._start(waiting.pop())
            yield from ended
            ready = connection.wait(list(self._running), timeout=tick) if self._running else []
            yield None
            ended = [end for pipe in ready if isinstance(pipe, connection.Connection) for end in self._collect(pipe)]
            self._leaving = [process for process in self._leaving if process.exitcode is None]

    def _start(self, job: Job) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_child, args=(theirs, job), name=job.keys[0])
        with _one_thread_each():
            process.start()
        theirs.close()
        self._running[ours] = (job, process)

    def _collect(self, pipe: connection.Connection) -> list[Ended]:
        job, process = self._running.pop(pipe)
        try:
            ends: list[Ended] = pipe.recv()
            self._leaving.append(process)
        except EOFError:
            process.join()
            ends = self._again(job, _exit_words(process.exitcode))
        pipe.close()
        return ends

    def _again(self, job: Job, loss: str) -> list[Ended]:
        """Start a job anew whose process is gone: its runs go on from their last checkpoints."""
        first = job.keys[0]
        self._lost[first] = self._lost.get(first, 0) + 1
        if self._lost[first] < MOST_LOSSES:
            self._start(job)
            return []
        error = f"its process was ended {MOST_LOSSES} times, the last time by {loss}; see {job.log}"
        return [Ended(key, error) for key in job.keys]


def _child(pipe: connection.Connection, job: Job) -> None:
    """What the forked process does; it answers with how each trial ended."""
    os.setpgrp()  # out of the terminal's group: on Ctrl-C it is the parent that asks its trials to stop
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        _write_output_to(job.log)
        _single_thread()
        stopped_by = job.work(job.folder, *job.arguments) or {}
    except (Exception, Interrupted) as problem:
        stopped_by = dict.fromkeys(job.keys, problem)
    ends = [_end(key, stopped_by.get(key), job.log) for key in job.keys]
    sys.stdout.flush()
    sys.stderr.flush()
    pipe.send(ends)


def _end(key: str, problem: BaseException | None, log: Path) -> Ended:
    if problem is None:
        return Ended(key)
    if isinstance(problem, Interrupted):
        return Ended(key, stopped=True)
    if isinstance(problem, RunError | UserError):
        return Ended(key, _one_line(problem))
    traceback.print_exception(problem)
    return Ended(key, f"{type(problem).__name__}: {_one_line(problem)}; see {log}")


def _die_with_parent() -> None:
    # The parent holds the other end of a pipe; its death by whatever cause, kill -9 too, ends this wait.
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _write_output_to(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    fd = files.appendable(log)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _single_thread() -> None:
    import torch

    torch.set_num_threads(1)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """The libraries read these variables when they are imported: in the server, which the first start launches."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
    return f"exit status {code}"

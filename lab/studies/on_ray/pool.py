"""The study's side of Ray: hands jobs out as tasks, takes in what workers send, goes on where a lost one was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.door.text import one_line
from lab.errors import RunError
from lab.studies.on_ray.attempt import Place, Report, attempt
from lab.studies.on_ray.carried import Cargo, Sender, unpack
from lab.studies.pool import PATIENCE, Ended, Job

GONE = "Ray on this machine ended; the same command goes on from the trials' checkpoints"
MOST_LOSSES = 10
"""Workers that one job may lose before its trials count as failed."""


@dataclass(frozen=True)
class Request:
    """What a trial asks Ray for.

    Attributes:
        cpus, gpus: as Ray counts them; parts of one are accepted.
    """

    cpus: float = 1.0
    gpus: float = 0.0


class RayPool:
    """Runs jobs as tasks of a Ray that is connected to; a context manager that leaves no task behind.

    Args:
        size: tasks at once.
        place: the study's folder of runs.
        request: of each task.
        preload: as of :class:`lab.studies.pool.Pool`.
        gone: whether this machine's part of Ray has ended. It is asked before each call that would need it: Ray ends
            a process that finds it gone, without a word.
    """

    def __init__(
        self, size: int, place: Place, request: Request, preload: Sequence[str], gone: Callable[[], bool] = bool
    ) -> None:
        import ray

        self.size = size
        self.place = place
        self._gone = gone
        self._ray: Any = ray
        self._request = request
        self._preload = list(preload)
        self._task: Any = ray.remote(
            num_cpus=request.cpus, num_gpus=request.gpus, num_returns="streaming", max_retries=0
        )(attempt)
        self._running: dict[Any, Job] = {}
        self._lost: dict[str, int] = {}

    def __enter__(self) -> RayPool:
        return self

    def __exit__(self, *exception: object) -> None:
        """Asks what still runs to stop, and waits until it has saved its state; where Ray is gone there is nobody."""
        for stream in [] if self._gone() else self._running:
            self._ray.cancel(stream, force=False)
        deadline = time.monotonic() + PATIENCE
        while self._running and not self._gone() and (left := deadline - time.monotonic()) > 0:
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=left)
            for stream in ready:
                self._next(stream)
        self._running.clear()

    @property
    def running(self) -> list[str]:
        """Keys of the trials that were handed out."""
        return [key for job in self._running.values() for key in job.keys]

    def run(self, jobs: Sequence[Job], tick: float = 0.5) -> Iterator[Ended | None]:
        """Run all; yields how trials ended as jobs do, and None at least every ``tick`` seconds for a display.

        Raises:
            RunError: Ray itself is gone, which says nothing of the trials: what was left of them is missing.
        """
        waiting = [replace(job, folder=self.place.folder) for job in reversed(jobs)]
        while waiting or self._running:
            while waiting and len(self._running) < self.size:
                self._start(waiting.pop())
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=tick)
            self._check()
            yield None
            for stream in ready:
                yield from self._collect(stream)

    def _check(self) -> None:
        if self._gone():
            raise RunError(GONE)

    def _start(self, job: Job) -> None:
        self._check()
        begun = Sender(self.place.folder, job.keys).pack() or Cargo()
        self._running[self._task.remote(job, self.place, begun, self._preload, self._request.gpus)] = job

    def _collect(self, stream: Any) -> Sequence[Ended]:
        job, said = self._running[stream], self._next(stream)
        if isinstance(said, Report):
            unpack(said.cargo, self.place.folder)
            if said.ends:
                del self._running[stream]
            return said.ends
        if isinstance(said, self._ray.exceptions.RayTaskError):
            return [Ended(key, one_line(str(said.cause or said), 300)) for key in job.keys]
        return self._again(job, said)

    def _next(self, stream: Any) -> Report | BaseException:
        """What a task sends next, or what ended it; then it is no longer among those that run."""
        self._check()
        try:
            report: Report = self._ray.get(next(stream))
            return report
        except (StopIteration, self._ray.exceptions.RayError) as end:
            del self._running[stream]
            return end

    def _again(self, job: Job, loss: BaseException) -> Sequence[Ended]:
        """Hand a job out anew: its runs go on from the newest checkpoints that are here."""
        first = job.keys[0]
        self._lost[first] = self._lost.get(first, 0) + 1
        if self._lost[first] < MOST_LOSSES:
            self._start(job)
            return []
        error = f"its worker was lost {MOST_LOSSES} times, the last time by {type(loss).__name__}"
        return [Ended(key, error) for key in job.keys]

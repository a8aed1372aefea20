"""What a worker of Ray does: it runs a job in a process as the local engine does, and sends what the study lacks.

Where the worker sees the study's own folder (the same machine, or a folder that all machines share) the trial is
trained in it, and nothing is sent. Elsewhere it is trained in a folder of the worker's machine, from the state that
came with it; each checkpoint is sent as soon as it is written, and everything at the end.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.studies.on_ray.carried import Cargo, Sender, unpack
from lab.studies.pool import Ended, Job, Pool


@dataclass(frozen=True)
class Place:
    """The study's folder of runs, and a mark in it by which another machine knows it again."""

    folder: Path
    mark: str = field(default_factory=lambda: f".place-{uuid.uuid4().hex}")

    def is_here(self) -> bool:
        """Whether this process sees it."""
        return (self.folder / self.mark).exists()

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Set the mark, for as long as the study runs; marks of killed ones go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob(".place-*"):
            old.unlink(missing_ok=True)
        (self.folder / self.mark).touch()
        try:
            yield
        finally:
            (self.folder / self.mark).unlink(missing_ok=True)


@dataclass(frozen=True)
class Report:
    """What a worker sends: files that changed, and how the job's trials ended once they have."""

    cargo: Cargo = field(default_factory=Cargo)
    ends: Sequence[Ended] = ()


def attempt(job: Job, place: Place, begun: Cargo, preload: Sequence[str], gpus: float) -> Iterator[Report]:
    """Run a job to its end.

    Args:
        job: its folder is that of ``place``.
        place: where the study is.
        begun: the files of its runs so far; used where the place is not here.
        preload: modules that take long to import.
        gpus: how many the job was given; without one it sees none.
    """
    job = replace(job, work=_in_sight, arguments=(_devices(gpus), job.work, *job.arguments))
    if place.is_here():
        with _plain_main(), Pool(1, preload) as pool:
            yield Report(ends=[end for end in pool.run([job]) if end is not None])
        return
    with TemporaryDirectory(prefix="lab-study-") as name:
        folder = Path(name)
        unpack(begun, folder)
        yield from _away(replace(job, folder=folder), place, preload)


def _away(job: Job, place: Place, preload: Sequence[str]) -> Iterator[Report]:
    sender, ends = Sender(job.folder, job.keys), []
    sender.saved()
    with _plain_main(), Pool(1, preload) as pool:
        for end in pool.run([job]):
            if end is not None:
                ends.append(replace(end, error=end.error.replace(str(job.folder), str(place.folder))))
            elif sender.saved() and (cargo := sender.pack()) is not None:
                yield Report(cargo)
    yield Report(sender.pack() or Cargo(), ends)


def _devices(gpus: float) -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES") if gpus else ""


def _in_sight(
    folder: Path, devices: str | None, work: Callable[..., Mapping[str, BaseException] | None], *arguments: Any
) -> Mapping[str, BaseException] | None:
    """The work with the GPUs that this task was given: the server it was forked from may be of an earlier task."""
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    return work(folder, *arguments)


@contextmanager
def _plain_main() -> Iterator[None]:
    """A process begins by importing its parent's main module: that of a worker is Ray's, a second for every trial."""
    main, sys.modules["__main__"] = sys.modules["__main__"], sys.modules[__name__]
    try:
        yield
    finally:
        sys.modules["__main__"] = main

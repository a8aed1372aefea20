"""What runs the trials of a study: how they are dealt out as jobs, and the workers that run these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from lab.errors import UserError
from lab.studies.deals import alone, stacked
from lab.studies.model import Study
from lab.studies.on_ray.engine import RayEngine
from lab.studies.pool import Ended, Job, Pool, cores
from lab.studies.preload import preload
from lab.studies.trials import Trial
from lab.training import plugins
from lab.training.trainer import stacks_of

STACK = 16
"""Most trials of a process, where nobody says another number."""


class Workers(Protocol):
    """Runs jobs."""

    @property
    def running(self) -> list[str]:
        """Keys of the trials that are under way."""
        ...

    def run(self, jobs: Sequence[Job]) -> Iterator[Ended | None]:
        """Run all, begun in their order; yields how trials ended, and None now and then for a display."""
        ...


class Engine(Protocol):
    """How trials are run, as against what they are."""

    @property
    def name(self) -> str:
        """The word of ``--engine``."""
        ...

    def check(self, study: Study) -> None:
        """Refuse, before anything is begun, an engine that cannot run this study here.

        Raises:
            UserError: says why.
        """
        ...

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """The jobs that run these trials, in the order of their first ones.

        Args:
            study: whose trials they are.
            trials: in the order in which they should begin.
            jobs: how many there are to be at once.
            data_dir: where data sets lie.
        """
        ...

    def workers(self, study: Study, folder: Path, jobs: int) -> AbstractContextManager[Workers]:
        """What runs the jobs, and leaves nothing behind.

        Args:
            study: whose trials they run.
            folder: where the run directories lie.
            jobs: at once, at least 1.
        """
        ...

    def at_once(self, jobs: int | None) -> int:
        """How many jobs there are at once if the user asks for so many, or does not say."""
        ...


@dataclass(frozen=True)
class LocalEngine:
    """Each trial in a process of its own, on this machine."""

    name = "local"

    def check(self, study: Study) -> None:
        """Every trainer's trials can be run so."""

    def at_once(self, jobs: int | None) -> int:
        """One a core."""
        return cores() if jobs is None else jobs

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """A job for each trial."""
        return alone(study, trials, data_dir)

    def workers(self, study: Study, folder: Path, jobs: int) -> Pool:
        """Processes of this machine."""
        return Pool(jobs, preload(study.trainer))


@dataclass(frozen=True)
class StackedEngine(LocalEngine):
    """Trials that can be stacked several to a process, whose numbers agree with local ones within float32's rounding.

    Attributes:
        stack: most trials of such a process.
    """

    stack: int = STACK
    name = "stacked"

    def check(self, study: Study) -> None:
        """Refuse a trainer whose runs cannot be stacked."""
        if self.stack < 1:
            raise UserError(f"--stack is {self.stack}; at least 1 trial is needed")
        if stacks_of(plugins.trainer(study.trainer)) is None:
            raise UserError(
                f"--engine stacked: runs of the trainer {study.trainer!r} cannot be stacked; accepted: --engine local"
            )

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """Jobs of several trials of a kind."""
        stacks = stacks_of(plugins.trainer(study.trainer))
        if stacks is None:
            return alone(study, trials, data_dir)
        return stacked(study, trials, data_dir, stacks, self.stack, jobs)


ENGINES: Mapping[str, type[LocalEngine] | type[StackedEngine] | type[RayEngine]] = {
    engine.name: engine for engine in (LocalEngine, StackedEngine, RayEngine)
}
"""By the word of ``--engine``; what a class has as fields are the options that go with it."""


def engine(name: str, **options: object) -> Engine:
    """The engine of this name.

    Args:
        name: one of :data:`ENGINES`.
        options: its settings; None for what was not said.

    Raises:
        UserError: an option was given that belongs to another engine.
    """
    given = {option: value for option, value in options.items() if value is not None}
    kind: Any = ENGINES[name]
    for option in given.keys() - {field.name for field in fields(kind)}:
        others = [word for word, other in ENGINES.items() if option in {field.name for field in fields(other)}]
        raise UserError(f"--{option.replace('_', '-')}: it needs --engine {' or '.join(others)}")
    made: Engine = kind(**given)
    return made

"""The training loop of several runs in one process: they advance as one, and each is written as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from lab.errors import Interrupted
from lab.training.loop import load_config, make_context, warn
from lab.training.run import Run
from lab.training.session import Session, Stride
from lab.training.signals import StopRequest
from lab.training.trainer import Stacks, Trainer, TrainerPlugin, stacks_of


def train_together(
    plugin: TrainerPlugin,
    runs: Sequence[Run],
    data_dir: str | Path | None = None,
    *,
    warn: Callable[[str], None] = warn,
) -> dict[Path, BaseException]:
    """Train runs of one key (:class:`lab.training.trainer.Stacks`) to their ends, as :func:`lab.training.loop.train`.

    Each goes on from its own newest checkpoint. Those that are furthest behind advance first, until they have come to
    the next ones, and then with them. What stops one run stops only that one; the others go on without it. Only what
    is raised while they advance together stops all that take part.

    Args:
        plugin: a trainer with ``stacks``.
        runs: each a directory of its own.
        data_dir: where data sets lie.
        warn: told what the user should know, a line each.

    Returns:
        What stopped a run before its end, by the run's path: any exception that ``train`` raises, and ``Interrupted``
        for every run where SIGINT or SIGTERM arrived.
    """
    stacks = stacks_of(plugin)
    if stacks is None:
        raise ValueError(f"{plugin.name} has no stacks")
    with StopRequest() as stop, _Crew(stacks, stop) as crew:
        for run in runs:
            crew.take(plugin, run, data_dir, len(runs), warn)
        crew.to_the_end()
    return crew.stopped


class _Crew:
    """The runs that are not at their end; a context manager that owns their directories.

    Attributes:
        stopped: what stopped a run, by path.
    """

    def __init__(self, stacks: Stacks, stop: StopRequest) -> None:
        self.stopped: dict[Path, BaseException] = {}
        self._stacks, self._stop = stacks, stop
        self._sessions: list[Session] = []
        self._team: _Team | None = None
        self._locks = ExitStack()

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *exception: object) -> None:
        self._locks.close()

    def take(
        self,
        plugin: TrainerPlugin,
        run: Run,
        data_dir: str | Path | None,
        together: int,
        warn: Callable[[str], None],
    ) -> None:
        """Take up a run where its last process left it."""
        with self._alone(run):
            config = load_config(plugin, run)
            context = make_context(run, config, data_dir)
            self._locks.enter_context(run.lock())
            session = Session(run, config, context, warn)
            for message in (*session.recovery.warnings, *session.recovery.notes):
                warn(f"{run.name}: {message}")
            if not session.finished:
                with session.explained():
                    session.begin(plugin, together)
                    session.report()
                self._sessions.append(session)

    def to_the_end(self) -> None:
        """Advance until every run has ended, been stopped, or all have been asked to stop."""
        while self._sessions:
            if (signum := self._stop.signum) is not None:
                self._each(self._sessions, partial(Session.interrupt, signum=signum))
            else:
                self._advance(self._furthest_behind())
            self._sessions = [s for s in self._sessions if not s.finished and s.run.path not in self.stopped]

    def _furthest_behind(self) -> _Team:
        step = min(session.trainer.step for session in self._sessions)
        members = [session for session in self._sessions if session.trainer.step == step]
        if self._team is None or self._team.sessions != members:
            self._team = _Team(members, self._stacks)
        return self._team

    def _advance(self, team: _Team) -> None:
        """Train a portion, at most to where something is due or other runs stand, and write what is due."""
        ahead = [s.trainer.step for s in self._sessions if s.trainer.step > team.leader.step]
        until = min([*(session.boundary for session in team.sessions), *ahead])
        try:
            team.advance(until)
        except Exception as error:
            # Where the error came from cannot be told, and half a step may have been made.
            self._each(team.sessions, partial(_raise, error))
        else:
            self._each(team.sessions, Session.report)

    def _each(self, sessions: Sequence[Session], do: Callable[[Session], None]) -> None:
        for session in sessions:
            with self._alone(session.run), session.explained():
                do(session)

    @contextmanager
    def _alone(self, run: Run) -> Iterator[None]:
        """What is raised in here stops this run only."""
        try:
            yield
        except (Exception, Interrupted) as error:
            self.stopped[run.path] = error


class _Team:
    """Runs that stand at one step, stacked; one alone is its own trainer."""

    def __init__(self, sessions: Sequence[Session], stacks: Stacks) -> None:
        self.sessions = list(sessions)
        self._trainers = [session.trainer for session in sessions]
        self._all = stacks.stack(self._trainers) if len(sessions) > 1 else self.leader
        self._stride = Stride()

    @property
    def leader(self) -> Trainer:
        """The first of them."""
        return self._trainers[0]

    def advance(self, until: int) -> None:
        """Train a portion, at most to ``until``."""
        self._stride.advance(self._all, self.leader, until)


def _raise(error: Exception, session: Session) -> None:
    raise error

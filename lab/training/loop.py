"""The training loop of every trainer: advance, log, evaluate, save; and go on where a killed process left off."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.training.config import RunConfig, resolve
from lab.training.device import resolve_device
from lab.training.paths import data_root
from lab.training.run import Run
from lab.training.session import Session, Stride
from lab.training.signals import StopRequest
from lab.training.trainer import Context, TrainerPlugin

Progress = Callable[[int, Mapping[str, float]], None]
"""Told now and then how far the run is: the step, and the newest value of every column of the metrics log."""


@dataclass(frozen=True)
class Outcome:
    """How a call of :func:`train` ended.

    Attributes:
        step: the run's last step.
        began_at: the step at which this call took the run up; 0 for a new run.
        seconds: how long it took.
        row: the newest value of each column that this call logged.
    """

    step: int
    began_at: int
    seconds: float
    row: Mapping[str, float] = field(default_factory=dict)

    @property
    def was_finished(self) -> bool:
        """Whether the run was complete already, so that nothing was done."""
        return self.began_at >= self.step


def load_config(plugin: TrainerPlugin, run: Run) -> RunConfig:
    """The typed configuration of a run's ``config.yaml``."""
    return resolve(plugin.config_type(), run.config, source=str(run.path / "config.yaml"))


def make_context(run: Run, config: RunConfig, data_dir: str | Path | None = None) -> Context:
    """What a trainer of this run is built with: its device, where data lies, its snapshots and events."""
    run.snapshots.mkdir(exist_ok=True)
    return Context(resolve_device(config.device), data_root(data_dir), run.snapshots, run.event)


def quiet(step: int, row: Mapping[str, float]) -> None:
    """Show nothing."""


def warn(message: str) -> None:
    """Print a warning, if anybody can be shown it."""
    with suppress(OSError):
        print(f"lab: warning: {message}", file=sys.stderr)


def train(
    plugin: TrainerPlugin,
    run: Run,
    context: Context,
    *,
    progress: Progress = quiet,
    warn: Callable[[str], None] = warn,
) -> Outcome:
    """Train a run to its end: from step 0, or from its newest whole checkpoint if a process has worked on it before.

    A row of metrics is due at every multiple of ``log_every``, ``evaluate_every`` and ``checkpoint_every`` and at the
    end; the scores and the checkpoint at multiples of their own, and at the end. Rows and checkpoints do not depend on
    when the process was killed or interrupted; only what is due is read from the device.

    Raises:
        UserError: the configuration is wrong, or not what the checkpoint was made with.
        NonFiniteError: a training quantity became NaN or infinite; no checkpoint was written after it.
        RunError: another process owns the run, or the disk is full.
        Interrupted: SIGINT or SIGTERM arrived (in the main thread); a checkpoint was written first.
    """
    config = load_config(plugin, run)
    with run.lock(), StopRequest() as stop:
        session = Session(run, config, context, warn)
        for message in (*session.recovery.warnings, *session.recovery.notes):
            warn(message)
        if session.finished:
            return Outcome(session.handled, session.handled, 0.0)
        with session.explained():
            session.begin(plugin)
            return _to_the_end(session, progress, stop)


def _to_the_end(session: Session, progress: Progress, stop: StopRequest) -> Outcome:
    """Advance from boundary to boundary until the last step."""
    trainer, stride = session.trainer, Stride()
    session.report()  # what was due when a process died right before it
    progress(trainer.step, session.row)
    while not session.finished:
        if stop.signum is not None:
            session.interrupt(stop.signum)
        stride.advance(trainer, trainer, session.boundary)
        session.report()
        progress(trainer.step, session.row)
    return Outcome(session.handled, session.recovery.step, session.seconds, session.row)

"""The training loop of every trainer: advance, log, evaluate, save; and go on where a killed process left off."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import torch

from lab.errors import Interrupted, RunError
from lab.training import checkpoints, files
from lab.training.config import RunConfig, resolve
from lab.training.device import out_of_memory, resolve_device
from lab.training.findings import Teller, watch_of
from lab.training.finite import NonFiniteError, check_row
from lab.training.metrics import Metrics
from lab.training.paths import data_root
from lab.training.provenance import record
from lab.training.recovery import Recovery, about, recover, rewind
from lab.training.restoring import restore
from lab.training.run import Run
from lab.training.signals import StopRequest
from lab.training.trainer import Context, Trainer, TrainerPlugin

Progress = Callable[[int, Mapping[str, float]], None]
"""Told now and then how far the run is: the step, and the newest value of every column of the metrics log."""

PATIENCE = 0.25
"""Seconds that one call of ``advance`` should take, so that progress moves and Ctrl-C is answered."""


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
    """Print a warning."""
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
        recovery = recover(run)
        for message in (*recovery.warnings, *recovery.notes):
            warn(message)
        if recovery.step >= config.steps:
            return Outcome(recovery.step, recovery.step, 0.0)
        saved = recovery.step if recovery.checkpoint else None
        loop = _Loop(run, config, context, progress, stop, saved, warn)
        try:
            loop.begin(plugin, recovery)
            return loop.to_the_end()
        except NonFiniteError as error:
            run.event("non_finite", error.step, quantity=error.name)
            note = f"; {loop.last_good()}; going on from it would meet the same: begin a run with other settings"
            raise NonFiniteError(error.name, error.step, error.value, note) from None
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            advice = "begin a run that asks for less, such as a smaller batch"
            raise RunError(
                f"run {run.name}: {context.device.type} is out of memory; {loop.last_good()}; {advice}"
            ) from error
        except OSError as error:
            reason = files.full_disk(error)
            if reason is None:
                raise
            advice = f"free some space, then: lab resume {run.name}"
            raise RunError(f"run {run.name}: {reason}; {loop.last_good()}; {advice}") from error


class _Loop:
    """One process's work on a run."""

    def __init__(
        self,
        run: Run,
        config: RunConfig,
        context: Context,
        progress: Progress,
        stop: StopRequest,
        saved: int | None,
        show: Callable[[str], None],
    ) -> None:
        self.run = run
        self.config = config
        self.context = context
        self.progress = progress
        self.stop = stop
        self.saved = saved
        self.show = show
        self.row: dict[str, float] = {}
        self.trainer: Trainer
        self.teller: Teller | None = None

    def begin(self, plugin: TrainerPlugin, recovery: Recovery) -> None:
        """Build the trainer and bring it and the logs to where the run goes on."""
        self.begun = monotonic()
        self.began_at = recovery.step
        session = record(self.context.device, torch.get_num_threads(), self.context.data_dir, self.config.own_modules())
        if "command" in self.run.provenance:
            session |= {"from_step": recovery.step, "warnings": list(recovery.warnings)}
        self.run.record(session)
        if recovery.checkpoint is None:
            rewind(self.run, recovery)
        self.trainer = plugin.build(self.config, self.context)
        if recovery.checkpoint:
            restore(self.trainer, recovery.checkpoint.state, f"checkpoint {recovery.step:09d} of run {self.run.name}")
            rewind(self.run, recovery)  # now, for building may have logged its events a second time
        for message in recovery.warnings:
            self.run.event("warning", recovery.step, message=message)
        if (watch := watch_of(plugin)) is not None:
            self.teller = Teller(watch, self.run, Metrics.read(self.run.path).rows, self.show)
        if self.trainer.step != recovery.step:
            raise RuntimeError(f"{plugin.name}: the trainer is at step {self.trainer.step}, not {recovery.step}")

    def to_the_end(self) -> Outcome:
        """Advance from boundary to boundary until the last step."""
        steps, chunk = self.config.steps, 1
        handled = self.trainer.step
        self.progress(handled, self.row)
        while handled < steps:
            if self.stop.signum is not None:
                self.interrupt(self.stop.signum)
            before, since = self.trainer.step, monotonic()
            boundary = self.next_boundary(handled)
            self.trainer.advance(min(boundary, before + chunk))
            step = self.trainer.step
            if step <= before:
                raise RuntimeError(f"advance({min(boundary, before + chunk)}) left the trainer at step {step}")
            if step >= boundary:
                self.report(handled, step)
                handled = step
            self.progress(step, self.row)
            chunk = max(1, min(2 * chunk, int((step - before) * PATIENCE / max(monotonic() - since, 1e-6))))
        return Outcome(handled, self.began_at, monotonic() - self.begun, self.row)

    def next_boundary(self, step: int) -> int:
        """The next step at which anything is due."""
        everies = (self.config.log_every, self.config.evaluate_every, self.config.checkpoint_every)
        return min(self.config.steps, *((step // every + 1) * every for every in everies))

    def report(self, before: int, step: int) -> None:
        """Write what is due at ``step``, the last boundary having been ``before``."""
        end = step >= self.config.steps
        row = self.trainer.metrics()
        check_row(step, row)
        if end or step // self.config.evaluate_every > before // self.config.evaluate_every:
            row |= self.trainer.evaluate()
        self.run.metrics.append({"step": step, **row})
        self.row |= row
        if self.teller is not None:
            self.teller.look({"step": step, **row}, end)
        seconds = monotonic() - self.begun
        rate = (step - self.began_at) / seconds
        self.run.timing.append({"step": step, "seconds": round(seconds, 3), "steps_per_second": round(rate, 3)})
        if end:
            self.run.event("finished", step)
        if end or step // self.config.checkpoint_every > before // self.config.checkpoint_every:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of this step, if there is none yet."""
        if self.saved != self.trainer.step:
            checkpoints.save(self.run.checkpoints, self.trainer.step, self.trainer.state_dict(), about(self.run))
            self.saved = self.trainer.step

    def interrupt(self, signum: int) -> None:
        """Save and stop."""
        step = self.trainer.step
        self.save()
        self.run.event("interrupted", step, signal=signum)
        raise Interrupted(
            f"stopped at step {step} of {self.config.steps}, checkpoint written; lab resume {self.run.name} goes on",
            signum,
        )

    def last_good(self) -> str:
        """Where the run could go on, in words."""
        if self.saved is None:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self.run.checkpoints / f'{self.saved:09d}'}"

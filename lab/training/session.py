"""One process's work on one run: where it goes on, what is due at a step, and how whatever stops it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import torch

from lab.errors import Interrupted, RunError, UserError
from lab.training import checkpoints, files
from lab.training.config import RunConfig
from lab.training.device import out_of_memory
from lab.training.findings import Teller, watch_of
from lab.training.finite import NonFiniteError, check_loggable, check_row
from lab.training.initial import Initial, find
from lab.training.manifest import INTERRUPTED
from lab.training.metrics import Metrics
from lab.training.plugins import networks, shown
from lab.training.provenance import record
from lab.training.recovery import about, recover, rewind
from lab.training.restoring import restore
from lab.training.run import Run
from lab.training.trainer import Advancing, Context, Trainer, TrainerPlugin

PATIENCE = 0.25
"""Seconds that one call of ``advance`` should take, so that progress moves and Ctrl-C is answered."""


class Session:
    """One process's work on a run whose lock it holds.

    Args:
        run, config, context: the run, and what its trainer is built with.
        show: told each finding as a line.

    Attributes:
        recovery: where the run goes on.
        handled: the step at which rows, scores and checkpoints were written last, or at which the run was taken up.
        saved: the step of the newest checkpoint; None without one.
        row: the newest value of each column that this process logged.

    Raises:
        UserError: the configuration is not what the checkpoint was made with.
    """

    trainer: Trainer

    def __init__(self, run: Run, config: RunConfig, context: Context, show: Callable[[str], None]) -> None:
        self.run = run
        self.config = config
        self.context = context
        self.recovery = recover(run, context.device)
        self.handled = self.recovery.handled
        self.saved = self.recovery.step if self.recovery.checkpoint else None
        self.row: dict[str, float] = {}
        self._show = show
        self._teller: Teller | None = None
        self._held: list[tuple[str, int, dict[str, Any]]] | None = None

    @property
    def finished(self) -> bool:
        """Whether all that is due has been written, up to the last step."""
        return self.handled >= self.config.steps

    @property
    def boundary(self) -> int:
        """The next step at which anything is due."""
        everies = (self.config.log_every, self.config.evaluate_every, self.config.checkpoint_every)
        return min(self.config.steps, *((self.handled // every + 1) * every for every in everies))

    @property
    def seconds(self) -> float:
        """How long ago the run was taken up."""
        return monotonic() - self._begun

    def begin(self, plugin: TrainerPlugin, together: int = 1) -> None:
        """Build the trainer and bring it and the logs to where the run goes on.

        Args:
            together: how many runs this process trains at once, for the provenance.
        """
        self._begun = monotonic()
        recovery = self.recovery
        session = record(self.context.device, torch.get_num_threads(), self.context.data_dir, self.config.own_modules())
        if together > 1:
            session["together"] = together
        if "command" in self.run.provenance:
            session |= {"from_step": recovery.step, "warnings": list(recovery.warnings)}
        initial = self._initial(plugin)
        if initial:
            session["init_from"] = initial.record()
        self.run.record(session)
        if recovery.checkpoint is None:
            rewind(self.run, recovery)
        self.trainer = plugin.build(self.config, replace(self.context, event=self._event, initial=initial))
        if initial:
            self._begin_with(initial, plugin)
        if recovery.checkpoint:
            self._held = []
            restore(self.trainer, recovery.checkpoint.state, f"checkpoint {recovery.step:09d} of run {self.run.name}")
            rewind(self.run, recovery)  # now, for building may have logged its events a second time
            held, self._held = self._held, None
            for kind, step, data in held:
                self.context.event(kind, step, **data)
        for message in recovery.warnings:
            self.run.event("warning", recovery.step, message=message)
        if (watch := watch_of(shown(plugin, self.run.config))) is not None:
            self._teller = Teller(watch, self.run, Metrics.read(self.run.path).rows, self._show)
        if self.trainer.step != recovery.step:
            raise RuntimeError(f"{plugin.name}: the trainer is at step {self.trainer.step}, not {recovery.step}")

    def _initial(self, plugin: TrainerPlugin) -> Initial | None:
        """The weights of another run that this one begins with; none where it goes on from a checkpoint of its own."""
        wanted = self.config.init_from
        if wanted is None or self.recovery.checkpoint:
            return None
        return find(wanted, self.config.seed, self.run.path.parent, networks(plugin.name, self.run.config))

    def _begin_with(self, initial: Initial, plugin: TrainerPlugin) -> None:
        """Save at once what was begun with: a resume then never needs the other run."""
        if not initial.loaded:
            raise UserError(f"init_from: the trainer {plugin.name!r} cannot begin with weights of another run")
        self.run.event("initialised", 0, run=initial.source.name, from_step=initial.checkpoint.step)
        self._save()

    def _event(self, kind: str, step: int, **data: Any) -> None:
        """Log an event of the trainer; one of its restoring when the logs have been cut back."""
        if self._held is None:
            self.context.event(kind, step, **data)
        else:
            self._held.append((kind, step, data))

    def report(self) -> None:
        """Write what is due at the trainer's step, if it has come to the boundary.

        Raises:
            RunError: the run's directory was moved or deleted.
        """
        before, step = self.handled, self.trainer.step
        if step < self.boundary:
            return
        self._check_place()
        end = step >= self.config.steps
        row = self.trainer.metrics()
        check_row(step, row)
        if end or step // self.config.evaluate_every > before // self.config.evaluate_every:
            row |= self.trainer.evaluate()
        check_loggable(step, row)
        self.run.metrics.append({"step": step, **row})
        self.row |= row
        if self._teller is not None:
            self._teller.look({"step": step, **row}, end)
        seconds = self.seconds
        rate = (step - self.recovery.step) / seconds
        self.run.timing.append({"step": step, "seconds": round(seconds, 3), "steps_per_second": round(rate, 3)})
        if end:
            self.run.event("finished", step)
        if end or step // self.config.checkpoint_every > before // self.config.checkpoint_every:
            self._save()
        self.handled = step

    def _check_place(self) -> None:
        if not self.run.is_here():
            raise RunError(
                f"run {self.run.name}: {self.run.path} was moved or deleted while it trained; rows and checkpoints "
                "would part; where it is now, lab resume goes on from its last checkpoint"
            )

    def interrupt(self, signum: int) -> None:
        """Save and stop.

        Raises:
            Interrupted: always.
        """
        step = self.trainer.step
        self._check_place()
        self._save({INTERRUPTED: True})
        self.run.event("interrupted", step, signal=signum)
        raise Interrupted(
            f"stopped at step {step} of {self.config.steps}, checkpoint written; lab resume {self.run.mention} goes on",
            signum,
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What stops the run is raised as one line that says where it could go on; a NaN is an event of the run too.

        Raises:
            NonFiniteError: a training quantity became NaN or infinite.
            RunError: no memory or no disk is left.
        """
        try:
            yield
        except NonFiniteError as error:
            self.run.event("non_finite", error.step, quantity=error.name)
            note = f"; {self._last_good()}; going on from it would meet the same: begin a run with other settings"
            raise NonFiniteError(error.name, error.step, error.value, note) from None
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            advice = "begin a run that asks for less, such as a smaller batch"
            raise RunError(
                f"run {self.run.name}: {self.context.device.type} is out of memory; {self._last_good()}; {advice}"
            ) from error
        except OSError as error:
            reason = files.full_disk(error)
            if reason is None:
                raise
            advice = f"free some space, then: lab resume {self.run.mention}"
            raise RunError(f"run {self.run.name}: {reason}; {self._last_good()}; {advice}") from error

    def _save(self, more: Mapping[str, Any] = {}) -> None:
        """Write a checkpoint of this step, if there is none yet; it says ``more`` of the run."""
        if self.saved != self.trainer.step:
            state, keep = self.trainer.state_dict(), self.config.keep_checkpoints
            checkpoints.save(self.run.checkpoints, self.trainer.step, state, {**about(self.run), **more}, keep)
            self.saved = self.trainer.step

    def _last_good(self) -> str:
        """Where the run could go on, in words."""
        if self.saved is None:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self.run.checkpoints / f'{self.saved:09d}'}"


class Stride:
    """Advances a trainer, or a stack of them, in portions of about :data:`PATIENCE` seconds."""

    def __init__(self) -> None:
        self._steps = 1

    def advance(self, what: Advancing, leader: Trainer, boundary: int) -> None:
        """Train one portion, at most to ``boundary``.

        Args:
            what: is advanced.
            leader: whose step tells how far that went.
        """
        before, since = leader.step, monotonic()
        until = min(boundary, before + self._steps)
        what.advance(until)
        done = leader.step - before
        if done <= 0:
            raise RuntimeError(f"advance({until}) left the trainer at step {leader.step}")
        self._steps = max(1, min(2 * self._steps, int(done * PATIENCE / max(monotonic() - since, 1e-6))))

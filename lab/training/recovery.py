"""Brings a run directory back to its newest whole checkpoint, whatever instant its last process ended at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.errors import UserError
from lab.training import checkpoints, files, integrity, manifest
from lab.training.checkpoints import Checkpoint
from lab.training.device import device_name
from lab.training.jsonlines import length_until
from lab.training.manifest import BrokenCheckpoint
from lab.training.provenance import packages
from lab.training.run import CONFIG, Run

if TYPE_CHECKING:
    import torch

DUE = "due"
"""True in what a checkpoint says of its run if it was made before the row and the scores of its step."""


@dataclass(frozen=True)
class Recovery:
    """Where a run goes on: from ``checkpoint``, or from step 0 where it is ``None``; and what the user should know.

    Attributes:
        warnings: of what is broken; the run records them.
        notes: of what is new.
    """

    checkpoint: Checkpoint | None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """The step from which the run goes on."""
        return self.checkpoint.step if self.checkpoint else 0

    @property
    def handled(self) -> int:
        """The step up to which all that is due has been written; one less where it was to be written next."""
        due = self.checkpoint is not None and self.checkpoint.about.get(DUE) is True
        return self.step - due


def recover(run: Run, device: torch.device) -> Recovery:
    """Find the newest whole checkpoint whose logs are still there as they were; changes nothing on the disk.

    Args:
        run: that is to be trained on.
        device: on which.

    Raises:
        UserError: ``config.yaml`` is not what the checkpoint was made with (a larger ``steps`` is the one change that a
            checkpoint can follow: the run is then continued for longer), or a log is like none of the checkpoints.
    """
    try:
        found = checkpoints.newest(run.checkpoints, partial(_objection, run))
    except BrokenCheckpoint as error:
        return _from_the_beginning(run, error)
    if found is None:
        run.check_config()
        return Recovery(None, notes=_longer(run, (run.provenance.get("config") or run.config)["steps"]))
    _check_config(run, found)
    lost = tuple(
        f"{name} is shorter than it was at step {found.step}: lines of it are lost"
        for name, size in found.about.get("logs", {}).items()
        if size > ((run.path / name).stat().st_size if (run.path / name).exists() else 0)
    )
    notes = _longer(run, found.about.get("config", run.config)["steps"])
    if found.step < run.config["steps"]:
        notes += _elsewhere(run, device)
    return Recovery(found, passed_over(found) + lost, notes)


def look(run: Run, warn: Callable[[str], None]) -> Checkpoint:
    """The newest whole checkpoint of a run that is only looked at.

    Args:
        run: whose weights are wanted.
        warn: told of newer checkpoints that are broken.

    Raises:
        UserError: there is none, or ``config.yaml`` is not what the run was made with.
    """
    found = checkpoints.needed(run.checkpoints)
    _check_config(run, found)
    for message in passed_over(found):
        warn(message)
    return found


def passed_over(found: Checkpoint) -> tuple[str, ...]:
    """What the user should know of checkpoints that are newer than the one used."""
    return tuple(
        f"checkpoint {path.name} is not used ({reason}); that of step {found.step} is"
        for path, reason in found.rejected.items()
    )


def _objection(run: Run, found: Checkpoint) -> str:
    name = integrity.altered_log(run.path, found.about)
    return f"{name} is not as it was then" if name else ""


def _from_the_beginning(run: Run, error: BrokenCheckpoint) -> Recovery:
    """Begin at step 0 where no checkpoint is whole; where only a log is not, the checkpoints are worth more."""
    run.check_config()
    found = manifest.newest_about(run.checkpoints)
    if found and (name := integrity.altered_log(run.path, found[1])):
        raise UserError(
            f"{run.path / name}: is not as it was at any checkpoint; restore it from a copy, "
            "or delete it to go on without its lines"
        )
    return Recovery(None, (f"no checkpoint is whole ({error}); the run begins again at step 0",))


def _longer(run: Run, before: int) -> tuple[str, ...]:
    now = run.config["steps"]
    return (f"{run.path / CONFIG} now asks for {now} steps, not {before}",) if now > before else ()


def _elsewhere(run: Run, device: torch.device) -> tuple[str, ...]:
    """What rounds otherwise than when the run was trained last: the processor or GPU, torch, NumPy."""
    provenance = run.provenance
    before = (provenance.get("resumed") or [provenance])[-1]
    old = {"": before.get("device_name"), **(before.get("packages") or {})}
    new = {"": device_name(device), **packages()}
    return tuple(
        f"it was trained by {f'{name} {old[name]}'.strip()} and goes on by {f'{name} {new[name]}'.strip()}: "
        "the last bits of its numbers may be others than without a stop"
        for name in ("", "torch", "numpy")
        if old.get(name) not in (None, new[name])
    )


def rewind(run: Run, recovery: Recovery) -> None:
    """Set newer checkpoints, which are not used, aside, and cut the logs back to what they were at the one that is.

    In this order: after a kill in between, a checkpoint is still there whose log is not shorter than it knows it.
    """
    for step, path in manifest.paths(run.checkpoints).items():
        if recovery.checkpoint is None or step > recovery.step:
            aside = path.with_name(f"{path.name}.rejected")
            files.remove(aside)
            path.rename(aside)
    sizes: Mapping[str, int] = recovery.checkpoint.about.get("logs", {}) if recovery.checkpoint else {}
    for name, log in run.logs.items():
        log.truncate(sizes.get(name, 0))
    if run.timing.path.exists():
        run.timing.truncate(length_until(run.timing.path, recovery.step) if recovery.checkpoint else 0)


def about(run: Run) -> dict[str, Any]:
    """What a checkpoint keeps beside the state, for :func:`recover` and :func:`rewind`; flushes the logs.

    No clock on the wall has a part in it, so that equal runs have equal checkpoints, byte for byte.
    """
    logs = {name: log.size() for name, log in run.logs.items()}
    return {"config": run.config, "logs": logs, "sums": {name: log.sum() for name, log in run.logs.items()}}


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each place where two plain data differ, as dotted path, old value and new value (``None`` where absent)."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _check_config(run: Run, found: Checkpoint) -> None:
    if "config" not in found.about:
        run.check_config()
        return
    changes = list(differences(found.about["config"], run.config))
    refused = [change for change in changes if not _is_longer(change)]
    if refused:
        listed = "; ".join(f"{path}: {old} → {new}" for path, old, new in refused)
        raise UserError(
            f"run {run.name}: config.yaml was changed since the checkpoint of step {found.step} ({listed}); "
            f"restore it, or begin a new run: lab {run.trainer} train {run.path / 'config.yaml'}"
        )


def _is_longer(change: tuple[str, Any, Any]) -> bool:
    path, old, new = change
    return path == "steps" and isinstance(new, int) and isinstance(old, int) and new > old

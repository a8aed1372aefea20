"""Brings a run directory back to its newest whole checkpoint, whatever instant its last process ended at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.errors import UserError
from lab.training import checkpoints, files
from lab.training.checkpoints import BrokenCheckpoint, Checkpoint
from lab.training.jsonlines import length_until
from lab.training.run import Run


@dataclass(frozen=True)
class Recovery:
    """Where a run goes on: from ``checkpoint``, or from step 0 where it is ``None``; and what the user should know."""

    checkpoint: Checkpoint | None
    warnings: tuple[str, ...]

    @property
    def step(self) -> int:
        """The step from which the run goes on."""
        return self.checkpoint.step if self.checkpoint else 0


def recover(run: Run) -> Recovery:
    """Find the newest whole checkpoint; changes nothing on the disk.

    Raises:
        UserError: ``config.yaml`` is not what the checkpoint was made with (a larger ``steps`` is the one change that a
            checkpoint can follow: the run is then continued for longer).
    """
    try:
        found = checkpoints.newest(run.checkpoints)
    except BrokenCheckpoint as error:
        return Recovery(None, (f"no checkpoint is whole ({error}); the run begins again at step 0",))
    if found is None:
        return Recovery(None, ())
    _check_config(run, found)
    warnings = tuple(
        f"checkpoint {path.name} is broken and not used ({reason}); the run goes on from step {found.step}"
        for path, reason in found.rejected.items()
    )
    lost = tuple(
        f"{name} is shorter than it was at step {found.step}: lines of it are lost"
        for name, size in found.about.get("logs", {}).items()
        if size > ((run.path / name).stat().st_size if (run.path / name).exists() else 0)
    )
    return Recovery(found, warnings + lost)


def rewind(run: Run, recovery: Recovery) -> None:
    """Cut the logs back to what they were at the checkpoint, and set newer checkpoints, which are broken, aside."""
    sizes: Mapping[str, int] = recovery.checkpoint.about.get("logs", {}) if recovery.checkpoint else {}
    for name, log in run.logs.items():
        log.truncate(sizes.get(name, 0))
    if run.timing.path.exists():
        run.timing.truncate(length_until(run.timing.path, recovery.step) if recovery.checkpoint else 0)
    for step, path in checkpoints.paths(run.checkpoints).items():
        if recovery.checkpoint is None or step > recovery.step:
            aside = path.with_name(f"{path.name}.rejected")
            files.remove(aside)
            path.rename(aside)


def about(run: Run) -> dict[str, Any]:
    """What a checkpoint keeps beside the state, for :func:`recover` and :func:`rewind`; flushes the logs.

    No clock on the wall has a part in it, so that equal runs have equal checkpoints, byte for byte.
    """
    return {"config": run.config, "logs": {name: log.size() for name, log in run.logs.items()}}


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each place where two plain data differ, as dotted path, old value and new value (``None`` where absent)."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _check_config(run: Run, found: Checkpoint) -> None:
    changes = list(differences(found.about.get("config", {}), run.config))
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

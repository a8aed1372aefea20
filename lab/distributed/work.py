"""What each process of a run with workers does: worker 0 keeps the run, the others do as it tells them."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.distributed.config import DistributedConfig
from lab.distributed.launch import SCRATCH
from lab.distributed.plugin import DistributedPlugin
from lab.distributed.processes import Processes
from lab.distributed.team import Team
from lab.distributed.telling import ToldError
from lab.distributed.trainer import ADVANCE, BUILD, EVALUATE, LOAD, METRICS, SAVE, STOP, DistributedTrainer
from lab.training import checkpoints, files, manifest
from lab.training.config import as_mapping, resolve
from lab.training.device import resolve_device
from lab.training.loop import load_config
from lab.training.paths import data_root
from lab.training.recovery import DUE, about
from lab.training.run import Run
from lab.training.signals import STOPPING
from lab.training.trainer import Context, unheard

if TYPE_CHECKING:
    from lab.training.mirrors.mirror import Mirror

AVERAGED = "averaged"
"""The directory of a run in which its last average is kept, newer than the last checkpoint that was due."""
PACE = 10
"""Data-parallel training, every step of which is an average, spends about one part in so many on keeping them."""


def lead(
    group: Processes, run: Run, data_dir: str | Path | None, quiet: bool, mirrors: Sequence[type[Mirror]] = ()
) -> int:
    """Train a run as its worker 0, with the other processes."""
    from lab.cli.train import carry_on

    plugin = DistributedPlugin(group=group, averaged=Keeper(run))
    config = load_config(plugin, run)
    if not isinstance(config, DistributedConfig) or config.workers.count != group.size:
        raise RuntimeError(f"{group.size} processes for {config}")
    group.scatter([as_mapping(config)] * group.size)
    try:
        adopt(run)
        status = carry_on(plugin, run, data_dir, quiet, mirrors)
        files.remove(run.path / AVERAGED)  # the last checkpoint is as new
        return status
    finally:
        _say_stop(group)


def _say_stop(group: Processes) -> None:
    try:
        group.tell(STOP, 0)
    except RuntimeError:  # they are gone already
        return


def follow(group: Processes, data_dir: str | Path | None) -> None:
    """Be another worker of a run, until worker 0 says that it is over, or is gone.

    Signals to stop are for worker 0, which saves first and then tells.
    """
    for signum in STOPPING:
        signal.signal(signum, signal.SIG_IGN)
    (mapping,) = group.scatter([])
    config = resolve(DistributedConfig, mapping)
    assert isinstance(config, DistributedConfig)
    word, until = group.hear()
    with tempfile.TemporaryDirectory(prefix="lab-worker-", dir=os.environ.get(SCRATCH)) as scratch:
        context = Context(resolve_device(config.device), data_root(data_dir), Path(scratch), unheard)
        team: Team | None = None
        while word != STOP:
            try:
                if word == BUILD:
                    team = Team(config, context, group)
                elif team is not None:
                    _deeds(team)[word](until)
            except ToldError:
                pass
            word, until = group.hear()


def _deeds(team: Team) -> dict[str, Callable[[int], Any]]:
    return {
        ADVANCE: team.advance,
        METRICS: lambda _: team.metrics(),
        EVALUATE: lambda _: team.evaluate(),
        SAVE: lambda _: team.state_dict(),
        LOAD: lambda _: team.load_state_dict({}),
    }


class Keeper:
    """Keeps the last average of a run, from which it goes on after a worker's death."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next, self._averages = 0.0, 0

    def __call__(self, trainer: DistributedTrainer) -> None:
        """Keep this average of weights, or as many as were asked for; of gradients only now and then."""
        begun = time.monotonic()
        self._averages += 1
        if self._averages % trainer.config.workers.keep_every if trainer.config.local else begun < self._next:
            return
        said = about(self._run) | {DUE: True}
        checkpoints.save(self._run.path / AVERAGED, trainer.step, trainer.state_dict(), said, keep=1)
        self._next = time.monotonic() + PACE * (time.monotonic() - begun)


def adopt(run: Run) -> None:
    """Make the last average that was kept a checkpoint of the run, if it is newer than all others.

    Raises:
        RunError: another process trains the run, and keeps its averages there.
    """
    with run.lock():
        kept = manifest.paths(run.path / AVERAGED)
        newest = max(manifest.paths(run.checkpoints), default=-1)
        for step, path in kept.items():
            target = run.checkpoints / path.name
            if step > newest and not target.exists():
                path.rename(target)
                files.sync_directory(run.checkpoints)


def die_with(parent: int) -> None:
    """End this process soon after its parent did, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

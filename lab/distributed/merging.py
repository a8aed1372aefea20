"""Makes of a run with workers one of their trainer: the mean of their weights, which all its commands understand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.distributed.clocks import of_mean
from lab.distributed.config import DistributedConfig, of_worker
from lab.distributed.group import Turns
from lab.distributed.plugin import PLUGIN
from lab.distributed.team import Team
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.device import resolve_device
from lab.training.loop import load_config
from lab.training.paths import data_root
from lab.training.recovery import about, look
from lab.training.restoring import checked
from lab.training.run import Run
from lab.training.trainer import Context, unheard


def merge(run: Run, root: Path, name: str | None, data_dir: Path | None, warn: Callable[[str], None]) -> Run:
    """A new run at the step of the newest whole checkpoint: the mean of the workers' weights and of what follows them.

    What is no mean (the optimiser's moments, the order of samples) is the first worker's.

    Args:
        run: with workers; nothing is written into it.
        root: the directory of runs.
        name: of the new run; by default that of the old one, with ``-merged``.
        data_dir: where data lie.
        warn: told of newer checkpoints that are broken.

    Raises:
        UserError: it is no run with workers, it has no checkpoint, or the name is taken.
    """
    if run.trainer != PLUGIN.name:
        raise UserError(f"{run.path}: a run of {run.trainer!r}; this command takes runs of {PLUGIN.name!r}")
    config = load_config(PLUGIN, run)
    assert isinstance(config, DistributedConfig)
    found = look(run, warn)
    with TemporaryDirectory() as scratch:
        place = data_root(data_dir or run.provenance.get("data_dir"))
        context = Context(resolve_device(config.device), place, Path(scratch), unheard)
        team = Team(config, context, Turns(config.workers.count))
        checked(lambda: team.load_state_dict(found.state), f"{run.checkpoints}: step {found.step}")
        plain, preset = of_worker(config, of_mean(config)), run.provenance.get("preset")
        merged = Run.create(root, name or f"{run.name}-merged", config.trainer, plain, preset=preset)
        with team.as_one():
            checkpoints.save(merged.checkpoints, found.step, team.workers[0].state_dict(), about(merged))
    return merged

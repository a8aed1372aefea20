"""A GAN run's trainer again, to look at: as it began, or at its newest checkpoint. Nothing is written into the run."""

from __future__ import annotations

from gan.config import GanConfig
from gan.trainer import GanTrainer
from lab.training.config import resolve
from lab.training.device import resolve_device
from lab.training.initial import Initial, again
from lab.training.loop import warn
from lab.training.paths import data_root
from lab.training.recovery import look
from lab.training.restoring import checked
from lab.training.run import Run
from lab.training.trainer import Context, unheard


def begun(run: Run) -> GanTrainer:
    """The trainer at step 0, on the processor: its weights follow from the run's seed, or are another run's.

    Raises:
        UserError: that other run is no longer there.
    """
    return _built(run, again(run))


def _built(run: Run, initial: Initial | None = None) -> GanTrainer:
    config = resolve(GanConfig, run.config, source=str(run.path / "config.yaml"))
    place = data_root(run.provenance.get("data_dir"))
    return GanTrainer(config, Context(resolve_device("cpu"), place, run.snapshots, unheard, initial), snapshots=False)


def newest(run: Run) -> GanTrainer:
    """The trainer at the newest whole checkpoint.

    Raises:
        UserError: there is none yet.
    """
    found = look(run, warn)
    trainer = _built(run)
    checked(lambda: trainer.load_state_dict(found.state), f"{run.checkpoints}: step {found.step}")
    return trainer

"""What the process of one trial does: make its run directory or go on with it, and train to the end.

This module is imported by the server that trials are forked from, and brings with it what every trainer needs.
"""

from __future__ import annotations

import time
from pathlib import Path

from lab.errors import RunError
from lab.studies.trials import Trial
from lab.training import loop, plugins
from lab.training.run import CONFIG, Run

PATIENCE = 20.0
"""Seconds to wait for a run directory whose owner, a process of a study that was killed, is just ending."""


def run_trial(trainer: str, preset: str, trial: Trial, data_dir: str | Path | None) -> None:
    """Train one trial to its end, from its newest checkpoint if it was begun before.

    Raises:
        RunError: it cannot go on (a non-finite loss, a full disk, a directory in use).
        Interrupted: it was asked to stop, and has saved a checkpoint.
    """
    plugin = plugins.trainer(trainer)
    if (trial.path / CONFIG).is_file():
        run = Run.open(trial.path)
        _wait_for(run)
    else:
        trial.path.parent.mkdir(parents=True, exist_ok=True)
        run = Run.create(trial.path.parent, trial.path.name, trainer, trial.config, Path(preset).stem)
    loop.train(plugin, run, loop.make_context(run, trial.config, data_dir))


def _wait_for(run: Run) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with run.lock():
                return
        except RunError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)

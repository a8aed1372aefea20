"""What the process of a trial, or of several, does: make run directories or go on with them, and train to the end.

This module is imported by the server that trials are forked from, and brings with it what every trainer needs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lab.door.yamls import dump_yaml
from lab.errors import RunError, UserError
from lab.studies.trials import Trial
from lab.training import loop, plugins
from lab.training.files import replace_file
from lab.training.run import CONFIG, Run
from lab.training.together import train_together

PATIENCE = 20.0
"""Seconds to wait for a run directory whose owner, a process of a study that was killed, is just ending."""


def run_trial(folder: Path, trainer: str, preset: str, trial: Trial, data_dir: str | Path | None) -> None:
    """Train one trial to its end, from its newest checkpoint if it was begun before.

    Args:
        folder: of its run directory, whatever machine this is.
        trainer, preset: of the study.
        trial: which one.
        data_dir: where data sets lie.

    Raises:
        RunError: it cannot go on (a non-finite loss, a full disk, a directory in use).
        Interrupted: it was asked to stop, and has saved a checkpoint.
    """
    run = _begun(folder, trainer, preset, trial)
    loop.train(plugins.trainer(trainer), run, loop.make_context(run, trial.config, data_dir))


def run_trials(
    folder: Path, trainer: str, preset: str, trials: Sequence[Trial], data_dir: str | Path | None
) -> dict[str, BaseException]:
    """Train trials that can be stacked to their ends, each from its newest checkpoint if it was begun before.

    Returns:
        What stopped a trial, by its key: what :func:`run_trial` would have raised.
    """
    runs: list[Run] = []
    stopped: dict[str, BaseException] = {}
    for trial in trials:
        try:
            runs.append(_begun(folder, trainer, preset, trial))
        except Exception as error:
            stopped[trial.key] = error
    ends = train_together(plugins.trainer(trainer), runs, data_dir)
    return stopped | {path.name: error for path, error in ends.items()}


def _begun(folder: Path, trainer: str, preset: str, trial: Trial) -> Run:
    """The run of a trial, which nobody else owns."""
    made = folder / trial.key / CONFIG
    if not made.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Run.create(folder, trial.key, trainer, trial.config, Path(preset).stem)
        except UserError:
            if not made.is_file():  # else a process of a study that was killed made it at its very end
                raise
    run = Run.open(made.parent)
    _wait_for(run)
    return _prolonged(run, trial.config.steps)


def _prolonged(run: Run, steps: int) -> Run:
    """The run, whose configuration asks for so many steps from now on; never for fewer than before."""
    before = run.config["steps"]
    if steps < before:
        raise RunError(f"run {run.name} is for {before} steps, more than the {steps} that it is to have")
    if steps == before:
        return run
    with run.lock():
        replace_file(run.path / CONFIG, dump_yaml({**run.config, "steps": steps}).encode())
    return Run.open(run.path)


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

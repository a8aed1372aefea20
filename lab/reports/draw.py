"""Finds the trainer that can draw a set of runs, and lets it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.errors import UserError
from lab.reports.figure import Saved
from lab.training import plugins
from lab.training.run import Run


def draw_runs(runs: Sequence[Path], out: Path) -> list[Saved]:
    """Draw runs of one trainer into ``out``.

    Raises:
        UserError: the runs are of different trainers, one has logged nothing yet, or ``out`` cannot be written.
    """
    trainers = {Run.open(path).trainer: path for path in runs}
    if len(trainers) > 1:
        listed = ", ".join(f"{path.name} is {name}" for name, path in trainers.items())
        raise UserError(
            f"runs of different trainers have no figure in common ({listed}); draw them one trainer at a time"
        )
    (name,) = trainers
    try:
        return list(plugins.trainer(name).figures(list(dict.fromkeys(runs)), out))  # a run named twice is one seed
    except OSError as error:
        raise UserError(f"--out {out}: figures cannot be written there: {error.strerror}") from None

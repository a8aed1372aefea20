"""How a run stands, read off its directory in a millisecond or two: no checkpoint is opened, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.door import jsons, yamls
from lab.errors import UserError
from lab.training import metrics, plugins
from lab.training.metrics import Metrics
from lab.training.run import CONFIG, Run

State = Literal["training", "finished", "stopped", "failed", "broken"]
MOST_DIGITS = 18


@dataclass(frozen=True)
class Best:
    """A run's best score.

    Attributes:
        column: the first evaluation column of the trainer's headline that the run has.
        value, step: the best of all evaluations, the first of equals.
        lower: whether the lowest is the best.
    """

    column: str
    value: float
    step: int
    lower: bool


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        path: its directory.
        trainer: what trains it; empty where that cannot be read.
        state: training (a process owns it), finished, stopped (it can be gone on with), failed (a training quantity was
            not finite, and would be again), or broken (what it is cannot be read).
        step: the last step that is logged or has a checkpoint.
        steps: how many it is to train.
        logged: whether it has rows to report on.
        best: its best score, where it has one and that was asked for.
        note: what is wrong, or worth knowing, in a few words.
    """

    path: Path
    trainer: str = ""
    state: State = "broken"
    step: int = 0
    steps: int = 0
    logged: bool = False
    best: Best | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name


def standing(path: Path, scored: bool = True) -> Standing:
    """How the run in a directory stands; a directory that is none, or damaged, is ``broken`` and says why.

    The log is read to its end for the best score, but only its last row and those with scores are decoded. That a
    checkpoint is whole is not looked into.

    Args:
        scored: whether the best score is wanted.
    """
    try:
        return _standing(Run.open(path), scored)
    except UserError as error:
        return Standing(path, note=str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return Standing(path, note=f"{error.filename}: {error.strerror}")


def _standing(run: Run, scored: bool) -> Standing:
    trainer, steps = run.trainer, _steps(run.path / CONFIG)
    columns, unknown = _columns(trainer)
    rows = _rows(run, plugins.EVALUATION if scored else "")
    logged = int(rows[-1]["step"]) if rows else 0
    saved = _newest(run.checkpoints)
    best = _best(Metrics(run.path, rows), columns)
    state, note = _state(run, logged, saved, steps)
    return Standing(run.path, trainer, state, max(logged, saved or 0), steps, bool(rows), best, note or unknown)


def _steps(config: Path) -> int:
    text = (yamls.peek(config, "steps") or "").replace("_", "")
    if not text.isdecimal() or len(text) > MOST_DIGITS or int(text) < 1:
        raise UserError(f"{config.name}: steps is {text[:40]!r}; a whole number of at least 1 is expected")
    return int(text)


def _columns(trainer: str) -> tuple[Mapping[str, bool], str]:
    """The score columns of a trainer; none, and why, where it is not to be had here."""
    try:
        return plugins.scores(plugins.trainer(trainer)), ""
    except UserError as error:
        return {}, str(error)


def _rows(run: Run, word: str) -> list[dict[str, Any]]:
    """The rows that hold ``word``, and the last one in any case."""
    path = run.path / metrics.FILE
    sought = word.encode() or b"\n\n"  # which no line holds
    return jsons.columns([row for row, _ in jsons.lines(path, jsons.numbers, sought)], path)


def _newest(checkpoints: Path) -> int | None:
    """The step of the newest checkpoint, whole or not."""
    try:
        names = [path.name for path in checkpoints.iterdir()]
    except OSError:
        return None
    return max((int(name) for name in names if name.isdecimal() and len(name) <= MOST_DIGITS), default=None)


def _best(log: Metrics, columns: Mapping[str, bool]) -> Best | None:
    there = set(log.names())
    for column, lower in columns.items():
        if column in there:
            try:
                step, value = log.best(column, lower)
            except UserError:  # no value is finite
                continue
            return Best(column, value, step, lower)
    return None


def _state(run: Run, logged: int, saved: int | None, steps: int) -> tuple[State, str]:
    """The state, and a note on it."""
    owner = run.owner
    if owner is not None:
        return "training", f"in use by process {owner}"
    # Where all checkpoints were deleted to save room, the log alone tells that the run came to its end.
    if (logged if saved is None else saved) >= steps:
        return "finished", ""
    failed = _failure(run)
    if failed:
        return "failed", failed
    return "stopped", "" if saved is not None else "no checkpoint yet: it begins again at step 0"


def _failure(run: Run) -> str:
    events = [event for event, _ in jsons.lines(run.events.path, jsons.row, b'"non_finite"')]
    if not events or events[-1].get("kind") != "non_finite":
        return ""
    last = events[-1]
    return f"{str(last.get('quantity'))[:80]} was not finite at step {last['step']}"

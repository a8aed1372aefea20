"""Shows how far a study is: all trials on one bar with the time left, and each running trial's step and score.

The display reads what the trials log anyway, so nothing passes between processes, and a resumed trial is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from lab.door import files, jsons
from lab.reports.words import fmt
from lab.studies.trials import EVALUATION, Trial
from lab.training.metrics import FILE

PLAIN_EVERY = 10.0
"""Seconds between lines where there is no terminal."""


class Tail:
    """The newest step and score in a metrics log that another process appends to."""

    def __init__(self, path: Path, column: str) -> None:
        self.path = path
        self.column = column
        self.step = 0
        self.score: float | None = None
        self.evaluated: set[str] = set()
        self._read = 0

    def update(self) -> None:
        """Read what came since; a log that was cut back by a resume is read anew."""
        with suppress(ValueError):  # one that is not there yet, or cannot be read: the trial itself says so
            with files.opened(self.path) as file:
                if file.seek(0, 2) < self._read:
                    self._read = 0
                file.seek(self._read)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                row = jsons.numbers(jsons.parse(line))
                self.step = row["step"]
                self.score = row.get(self.column, self.score)
                self.evaluated |= {name for name in row if name.startswith(EVALUATION)}


class StudyProgress:
    """A live display on a terminal, a line every few seconds elsewhere; a context manager.

    Args:
        trials: all trials of the study, finished ones too.
        metric: the score shown, as in the study file.
        console: where to show it; the standard error, so that the standard output stays a result.
    """

    def __init__(self, name: str, trials: Sequence[Trial], metric: str, console: Console | None = None) -> None:
        self.name = name
        self.metric = metric.removesuffix(".last")
        self.console = console or Console(stderr=True)
        self._trials = {trial.key: trial for trial in trials}
        self._tails = {t.key: Tail(t.path / FILE, EVALUATION + self.metric) for t in trials}
        self._done: dict[str, bool] = {}
        self._total = sum(trial.config.steps for trial in trials)
        self._started = time.monotonic()
        self._steps_before = 0
        self._said = self._started
        self._bars: dict[str, TaskID] = {}
        self._rich = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
        )
        self._overall = self._rich.add_task(self.name, total=len(trials), note="")

    def __enter__(self) -> StudyProgress:
        if self.console.is_terminal:
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rich.stop()

    def already(self, finished: Sequence[str], failed: Sequence[str]) -> None:
        """Trials that ended in an earlier call; half-done ones count with the steps they have."""
        self._done |= dict.fromkeys(finished, True) | dict.fromkeys(failed, False)
        for key in self._trials.keys() - self._done.keys():
            self._tails[key].update()
        self._steps_before = self._steps()
        if self._done:
            self.console.print(f"{self.name}: {len(self._done)} of {len(self._trials)} trials were done before")

    def ended(self, key: str, error: str) -> None:
        """One trial has ended; an error is shown at once."""
        self._done[key] = not error
        if key in self._bars:
            self._rich.remove_task(self._bars.pop(key))
        if error:
            self.console.print(f"{self.name}: {key} failed: {error}", highlight=False, markup=False, soft_wrap=True)

    def evaluated(self, running: Sequence[str]) -> set[str]:
        """The evaluation columns seen so far in running trials."""
        return set().union(*(self._tails[key].evaluated for key in running))

    def show(self, running: Sequence[str]) -> None:
        """Read the running trials' logs and show where the study is."""
        for key in running:
            self._tails[key].update()
        if self.console.is_terminal:
            self._show_bars(running)
        elif time.monotonic() - self._said >= PLAIN_EVERY:
            self._said = time.monotonic()
            self.console.print(self._line(running), highlight=False, markup=False, soft_wrap=True)

    def _show_bars(self, running: Sequence[str]) -> None:
        self._rich.update(self._overall, completed=len(self._done), note=self._note())
        for key in running:
            if key not in self._bars:
                self._bars[key] = self._rich.add_task(key, total=self._trials[key].config.steps, note="")
            tail = self._tails[key]
            self._rich.update(self._bars[key], completed=tail.step, note=self._score(tail))

    def _line(self, running: Sequence[str]) -> str:
        now = "; ".join(
            f"{key} at {self._tails[key].step:,} {self._score(self._tails[key])}".strip() for key in running
        )
        return f"{self.name}: {len(self._done)}/{len(self._trials)} trials, {self._note()} [{now}]"

    def _note(self) -> str:
        failed = sum(not good for good in self._done.values())
        note = f"{self._steps() / self._total:.0%}, {self._time_left()}"
        return f"{note}, {failed} failed" if failed else note

    def _score(self, tail: Tail) -> str:
        return "" if tail.score is None else f"{self.metric} {fmt(tail.score)}"

    def _steps(self) -> int:
        ended: Mapping[str, bool] = self._done
        steps = {key: trial.config.steps for key, trial in self._trials.items()}
        return sum(n if key in ended else min(n, self._tails[key].step) for key, n in steps.items())

    def _time_left(self) -> str:
        steps = self._steps()
        new = steps - self._steps_before
        if new <= 0:
            return "time left unknown yet"
        seconds = (time.monotonic() - self._started) * (self._total - steps) / new
        return f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"

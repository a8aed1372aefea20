"""What a trainer's watch finds in the metrics log of a run, and how each finding is told once while the run trains."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lab.door import jsons
from lab.door.text import one_line
from lab.training.plugins import EVALUATION

if TYPE_CHECKING:
    from lab.training.run import Run
    from lab.training.trainer import TrainerPlugin

Columns = Mapping[str, NDArray[np.float64]]
"""The metrics log by column, float64[rows] each, NaN where a row lacks it; ``step`` is one of them."""
EVENT = "finding"
"""The kind of its lines in ``events.jsonl``."""
OFTEN = 100
"""Up to so many scores the log is looked at with each; later only once for each hundredth part of them."""


@dataclass(frozen=True)
class Finding:
    """One sign of trouble in a run.

    Attributes:
        kind: what it is a sign of, in a word: "modes_lost".
        step: the first step at which it was there.
        sentence: what was seen, with its numbers.
        value: the number that was compared.
        threshold: what it was compared with.
        advice: what to try next.
    """

    kind: str
    step: int
    sentence: str
    value: float
    threshold: float
    advice: str


Watch = Callable[[Columns, Mapping[str, Any]], Sequence[Finding]]
"""The findings of a log and the run's configuration, at most one of a kind. A longer log has the same and perhaps more:
what is found at a step depends on no later row."""


def watch_of(plugin: TrainerPlugin) -> Watch | None:
    """The watch that a trainer's plug-in brings, if it does."""
    return getattr(plugin, "findings", None)


class LogColumns:
    """The metrics log, growing, by column."""

    def __init__(self, rows: Sequence[Mapping[str, float]] = ()) -> None:
        self._rows = 0
        self._columns: dict[str, array[float]] = {}
        for row in rows:
            self.append(row)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._rows

    def append(self, row: Mapping[str, float]) -> None:
        """Add a row; it holds ``step``."""
        for name in row.keys() - self._columns.keys():
            self._columns[name] = array("d", [np.nan]) * self._rows
        for name, values in self._columns.items():
            values.append(row.get(name, np.nan))
        self._rows += 1

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """A copy by column, float64[rows] each."""
        return {name: np.array(values) for name, values in self._columns.items()}


class Teller:
    """Writes each kind of finding once to a run's events, and shows it, while the run trains.

    It keeps no state that a checkpoint would need: both logs are cut back to the checkpoint at a resume, and it begins
    with what they hold. So a run that was killed writes the same lines as one that was not.
    """

    def __init__(
        self, watch: Watch, run: Run, rows: Sequence[Mapping[str, float]], show: Callable[[str], None]
    ) -> None:
        """Begin with the ``rows`` that are logged already."""
        self._watch, self._run, self._show = watch, run, show
        self._log, self._broken = LogColumns(rows), False
        self._scores = sum(map(_scored, rows))
        self._told = {
            str(event.get("sign"))
            for event, _ in jsons.lines(run.events.path, jsons.row, f'"{EVENT}"'.encode())
            if event.get("kind") == EVENT
        }

    def look(self, row: Mapping[str, float], end: bool = False) -> None:
        """Take in a row that was logged; where it has scores, and at the ``end``, tell what shows for the first time.

        Scores cost more than looking does, so that a run's pace is its own.
        """
        if self._broken:
            return
        self._log.append(row)
        self._scores += _scored(row)
        if not end and not (_scored(row) and self._scores % (1 + self._scores // OFTEN) == 0):
            return
        for found in self._found():
            if found.kind not in self._told:
                self._told.add(found.kind)
                about = asdict(found)
                self._run.event(EVENT, int(row["step"]), sign=about.pop("kind"), since=about.pop("step"), **about)
                self._show(f"{self._run.name}: {words(found)}")

    def _found(self) -> Sequence[Finding]:
        """What the watch finds; one that fails is told once and asked no more: it is no reason not to train."""
        try:
            return list(self._watch(self._log.columns(), self._run.config))
        except Exception as error:  # whatever a trainer's watch, or somebody else's, makes of a log
            self._broken = True
            reason = f"{type(error).__name__}: {one_line(str(error), 200)}"
            self._show(f"{self._run.name}: its watch failed and is off ({reason})")
            return []


def _scored(row: Mapping[str, float]) -> bool:
    return any(name.startswith(EVALUATION) for name in row)


def words(found: Finding) -> str:
    """A finding on one line."""
    return f"step {found.step:,}: {found.sentence} To try: {found.advice}"

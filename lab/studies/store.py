"""The directory results/<study>/: what a study leaves for people and programs, each file written beside and renamed."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict

from lab.door import files, jsons, tables
from lab.door.yamls import MOST_BYTES, dump_yaml
from lab.errors import RunError, UserError
from lab.studies.model import Study, load_study
from lab.studies.result import Status, TrialResult
from lab.studies.summary import LateSeeds, late_seeds
from lab.training import plugins
from lab.training.config import as_mapping, load_yaml
from lab.training.files import replace_file, room_for
from lab.training.trainer import TrainerPlugin

STATED = (
    "hypothesis",
    "trainer",
    "metric",
    "direction",
    "criterion",
    "compare",
    "response",
    "sweep",
    "halving",
    "alpha",
)
"""What is stated before the runs, and may not change once one has finished."""

TRAINED = ("trainer", "set", "arms")
"""What of a study its trials are trained by, beside the preset."""

TRIALS = "trials.csv"
"""The name of the table of trials."""

PRESET = "preset.yaml"
"""The copy of a preset that is a file of the user's own."""


class Session(BaseModel):
    """One call that ran trials."""

    model_config = ConfigDict(extra="allow")

    command: str
    started: str
    seconds: float
    trials: int
    jobs: int


class Sessions(BaseModel):
    """What provenance.json of a study must say; the rest is only shown."""

    model_config = ConfigDict(extra="allow")

    sessions: list[Session]


class Store:
    """One such directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the study; the lock goes with the process, however that ends.

        Raises:
            RunError: another process owns it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file = files.appendable(self.path / ".lock")
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(file, 32, 0).decode(errors="replace") or "unknown"
                raise RunError(f"{self.path}: another process (pid {owner}) runs this study") from None
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(file)

    def write(self, name: str, text: str) -> Path:
        """Write one file whole or not at all."""
        path = self.path / name
        with room_for(f"{path} was not written", "free some space; the same command goes on where the study is"):
            replace_file(path, text.encode())
        return path

    def write_json(self, name: str, data: Mapping[str, Any]) -> Path:
        """Write one JSON file, indented for people."""
        return self.write(name, json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def kept(self, study: Study, plugin: TrainerPlugin) -> list[TrialResult]:
        """The finished trials of trials.csv, which were run elsewhere, if the study trains as it did there.

        Raises:
            UserError: it does not, or there is no study.yaml to tell.
        """
        known = self.path / "study.yaml"
        if not known.is_file():
            raise UserError(f"--keep: {self.path} has no study.yaml, so there is nothing to go on with")
        before, now = as_mapping(load_study(known)), as_mapping(study)
        changed = [key for key in TRAINED if before[key] != now[key]]
        if plugins.is_file(plugin, study.preset):  # the user's own: what stands in it, not where it lies
            copied = str(self.path / PRESET)
            same = before["preset"] == copied and load_yaml(copied) == load_yaml(study.preset)
        else:
            same = before["preset"] == study.preset
        changed += [] if same else ["preset"]
        if changed:
            raise UserError(f"--keep: {', '.join(changed)} changed since the trials in {self.path} were run")
        return [trial for trial in self.trials() if trial.status == "finished"]

    def made(self) -> dict[str, Any]:
        """The circumstances of the trials, as provenance.json has them; empty where there is no such file."""
        path = self.path / "provenance.json"
        return jsons.read(path, Sessions).model_extra or {} if path.exists() else {}

    def state(self, study: Study, plugin: TrainerPlugin) -> tuple[Study, LateSeeds]:
        """Write study.yaml, and a preset that is the user's own file beside it, once nothing stated is changed.

        Returns:
            The study as it is recorded, and which of its seeds are not those stated before the first results.

        Raises:
            UserError: trials have finished, and what was stated before them differs.
        """
        known, stated = self.path / "study.yaml", study.seeds
        earlier = load_study(known) if known.is_file() else None
        if earlier is not None and earlier.seeds_stated not in (None, earlier.seeds):
            stated = earlier.seeds_stated  # seeds were changed already, and trials run anew since
        if earlier is not None and any(trial.status == "finished" for trial in self.trials()):
            before, now = as_mapping(earlier), as_mapping(study)
            changed = [f"{key}: {before[key]!r} -> {now[key]!r}" for key in STATED if before[key] != now[key]]
            if changed:
                raise UserError(
                    f"{study.name}: stated before its trials ran, and changed since: {'; '.join(changed)}; "
                    "a study with another statement needs another name"
                )
            stated = earlier.seeds_stated or earlier.seeds
        recorded = study.model_copy(update={"seeds_stated": stated})
        if plugins.is_file(plugin, study.preset):
            self.write(PRESET, files.read_text(study.preset, MOST_BYTES))
            recorded = recorded.model_copy(update={"preset": PRESET})
        self.write("study.yaml", dump_yaml(as_mapping(recorded)))
        return recorded, late_seeds(recorded)

    def sessions(self) -> list[dict[str, Any]]:
        """The calls that ran trials, as provenance.json has them; none where there is no such file."""
        path = self.path / "provenance.json"
        if not path.exists():
            return []
        return [session.model_dump() for session in jsons.read(path, Sessions).sessions]

    def write_trials(self, trials: Sequence[TrialResult], name: str = TRIALS) -> None:
        """Write trials.csv: one line a trial, scores to their last bit, an empty cell where there is none."""
        names = list(dict.fromkeys(name for trial in trials for name in sorted(trial.scores)))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["arm", "seed", "status", "error", *names])
        for trial in trials:
            cells = [repr(trial.scores[name]) if name in trial.scores else "" for name in names]
            table.writerow([trial.arm, trial.seed, trial.status, trial.error, *cells])
        self.write(name, text.getvalue())

    def trials(self, name: str = TRIALS) -> list[TrialResult]:
        """What trials.csv holds; nothing before the first trial has ended."""
        path = self.path / name
        if not path.exists():
            return []
        rows = tables.read(path, ("arm", "seed", "status", "error"))
        try:
            found = [_trial(row) for row in rows]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}: not as `lab study` wrote it; delete it and run the study again") from None
        twice = [key for key, count in Counter((row.arm, row.seed) for row in found).items() if count > 1]
        if twice:
            raise UserError(f"{path}: trial {twice[0][0]}-s{twice[0][1]} has two rows; one is accepted")
        return found


def _trial(row: dict[str, Any]) -> TrialResult:
    arm, seed, status, error = (row.pop(key) for key in ("arm", "seed", "status", "error"))
    if status not in get_args(Status) or not arm.isprintable():
        raise ValueError(f"status {status!r}")
    return TrialResult(arm, int(seed), status, error, {name: float(cell) for name, cell in row.items() if cell})

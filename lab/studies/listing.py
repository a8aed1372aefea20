"""What lies in a results directory: single runs, and the runs of each study as one group with its counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.door import tables
from lab.errors import UserError
from lab.training.run import CONFIG, PROVENANCE
from lab.training.standing import Standing, State, standing

LOGS = "logs"
"""The folder beside a study's runs that holds what their processes printed."""


@dataclass(frozen=True)
class Group:
    """The runs of one study, or of a folder that is none.

    Attributes:
        name: of the folder, and of the study.
        trainer: of the first run that says it.
        counts: how many runs are in which state.
        planned: how many the study has, once one of them has ended; 0 where that is not known.
        stated: the study file that ``lab study`` goes on with; None where there is no study of this name.
        summarised: whether all planned trials have ended and are summarised.
        note: what is wrong, in a few words.
    """

    name: str
    trainer: str
    counts: Mapping[State, int]
    planned: int
    stated: Path | None
    summarised: bool
    note: str

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(self.counts.values())


def listing(results: Path) -> tuple[list[Standing], list[Group]]:
    """The runs right under ``results/runs``, and the folders of runs in it, each by name.

    A folder that is neither is listed with the runs, as broken; hidden ones, which are runs half made, are not.

    Raises:
        UserError: ``results/runs`` cannot be read. One that is missing holds nothing.
    """
    runs: list[Standing] = []
    groups: list[Group] = []
    for path in folders(results / "runs"):
        if _holds_runs(path):
            groups.append(_group(path.name, members(path, scored=False), results / path.name))
        else:
            runs.append(standing(path))
    return runs, groups


def members(folder: Path, scored: bool = True) -> list[Standing]:
    """The runs in the folder of a study, by name, and as broken what lies among them and is none."""
    return [standing(path, scored) for path in folders(folder) if path.name != LOGS]


def is_run(path: Path) -> bool:
    """Whether a folder is a run, or was one."""
    return (path / CONFIG).exists() or (path / PROVENANCE).exists()


def _holds_runs(path: Path) -> bool:
    """Whether a folder is no run but has some; not, where it may not be looked into: then it is listed as it is."""
    try:
        return not is_run(path) and any(is_run(child) for child in folders(path))
    except (UserError, OSError):
        return False


def _group(name: str, runs: Sequence[Standing], study: Path) -> Group:
    planned, missing, note = 0, 0, ""
    if (study / "trials.csv").exists():
        try:
            statuses = [row["status"] for row in tables.read(study / "trials.csv", ("arm", "seed", "status"))]
            planned, missing = len(statuses), statuses.count("missing")
        except UserError as error:
            note = str(error)
    stated = study / "study.yaml"
    return Group(
        name=name,
        trainer=next((run.trainer for run in runs if run.trainer), ""),
        counts=Counter(run.state for run in runs),
        planned=planned,
        stated=stated if stated.is_file() else None,
        summarised=bool(planned) and not missing and (study / "summary.json").is_file(),
        note=note,
    )


def folders(path: Path) -> list[Path]:
    """The folders in a folder, by name, without hidden ones; none where it is missing.

    Raises:
        UserError: it cannot be listed.
    """
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path}: cannot be listed: {error.strerror}") from None
    return [path / name for name in names if not name.startswith(".") and (path / name).is_dir()]

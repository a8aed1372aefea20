"""A study as its figures and its page see it: what ``lab study`` recorded, checked, and where its runs lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab.door import jsons
from lab.reports import style
from lab.reports.style import Look
from lab.training.metrics import FILE

LAST = ".last"
"""The end of a column that is the score at the last step."""
_DIFFICULTY = re.compile(r"/([01]\.\d+)$")
"""The end of a column that is the score at one difficulty."""


class Scored(BaseModel):
    """One score of one arm."""

    n: int
    mean: float
    mean_interval: tuple[float | None, float | None]
    iqm: float
    iqm_interval: tuple[float | None, float | None]
    values: dict[str, float]


class Compared(BaseModel):
    """One comparison."""

    model_config = ConfigDict(extra="allow")

    treatment: str
    control: str
    pairs: int
    seeds: list[int]
    difference: float | None
    interval: tuple[float | None, float | None]
    p_holm: float
    verdict: str


class Responded(BaseModel):
    """A phase response."""

    model_config = ConfigDict(extra="allow")

    voice: str
    offsets: list[float]
    means: list[float]
    level: float
    amplitude: float
    phase: float
    phase_interval: tuple[float, float] | None
    p: float


class Quantities(BaseModel):
    """A sweep: the quantities, rows first, and what was found of them."""

    model_config = ConfigDict(extra="allow")

    names: list[str] = Field(min_length=1, max_length=2)
    values: list[list[float]]
    best: int | None = None

    @property
    def arms(self) -> int:
        """How many combinations there are."""
        return prod(map(len, self.values))


class Mark(BaseModel):
    """A criterion with a mark, such as a success rate."""

    name: str
    at: float


class Found(BaseModel):
    """What summary.json must say for its figures and its page; a record of what ``lab study`` writes."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    name: str
    title: str
    hypothesis: str
    trainer: str
    metric: str
    direction: Literal["higher", "lower"]
    alpha: float = Field(gt=0, lt=1)
    criterion: Literal["mean"] | Mark = "mean"
    judged_by: str = ""
    seeds: list[int] = Field(max_length=10_000)
    verdict: str | None
    sentence: str = ""
    arms: dict[str, dict[str, Scored]] = Field(max_length=1000)
    comparisons: list[Compared] = Field(default_factory=list, max_length=1000)
    response: Responded | None = None
    sweep: Quantities | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Found:
        for c in self.comparisons:
            for side in (c.treatment, c.control) if c.pairs else ():
                scored = self.arms.get(side, {}).get(self.metric)
                counts = isinstance(self.criterion, Mark)  # a failed trial is no success, and has no score
                if not counts and (scored is None or any(str(seed) not in scored.values for seed in c.seeds)):
                    raise ValueError(f"a comparison needs scores of {side!r} that are not there")
        if self.response is not None and (
            len(self.response.offsets) != len(self.arms) or any(self.metric not in of for of in self.arms.values())
        ):
            raise ValueError("its response and its arms do not agree")
        if self.sweep is not None and (
            len(self.sweep.names) != len(self.sweep.values)
            or self.sweep.arms != len(self.arms)
            or not 0 <= (self.sweep.best or 0) < len(self.arms)
        ):
            raise ValueError("its sweep and its arms do not agree")
        return self


@dataclass(frozen=True)
class StudyData:
    """A study's directory as the figures and the report see it: ``summary.json`` and where its runs lie."""

    path: Path
    summary: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.summary.get("name", self.path.name))

    @property
    def title(self) -> str:
        """Its heading."""
        return str(self.summary.get("title") or self.name)

    @property
    def metric(self) -> str:
        """The score that the comparisons are of."""
        return str(self.summary["metric"])

    @property
    def arms(self) -> Mapping[str, Mapping[str, Any]]:
        """Arm -> score column -> its numbers, as in summary.json."""
        found: Mapping[str, Mapping[str, Any]] = self.summary["arms"]
        return found

    @property
    def columns(self) -> list[str]:
        """The score columns that any arm has, the metric first."""
        return list(dict.fromkeys([self.metric, *(column for arm in self.arms.values() for column in arm)]))

    @property
    def comparisons(self) -> Sequence[Mapping[str, Any]]:
        """What was tested, as in summary.json."""
        found: Sequence[Mapping[str, Any]] = self.summary.get("comparisons", [])
        return found

    @property
    def control(self) -> str | None:
        """The arm that the first comparison is against."""
        return str(self.comparisons[0]["control"]) if self.comparisons else None

    @property
    def mark(self) -> float | None:
        """The score from which a seed counts as a success, where the study is judged by a success rate."""
        criterion = self.summary.get("criterion")
        return float(criterion["at"]) if isinstance(criterion, Mapping) and criterion["name"] == "success" else None

    @property
    def judged_by(self) -> str:
        """What its arms are compared by, in words."""
        return str(self.summary.get("judged_by") or f"mean {self.metric}")

    def look(self, arm: str) -> Look:
        """How an arm is drawn in every figure of the study: its control in grey, the others each in its colour."""
        return style.CONTROL if arm == self.control else style.look(list(self.arms).index(arm))

    def runs(self) -> dict[str, list[Path]]:
        """The run directories of each arm that have a log, by rising seed; empty lists where they were deleted."""
        root = self.path.parent / "runs" / self.name
        seeds = self.summary.get("seeds", [])
        return {
            arm: [path for seed in seeds if (path := root / f"{arm}-s{seed}") and _logged(path)] for arm in self.arms
        }


def _logged(run: Path) -> bool:
    log = run / FILE
    return log.is_file() and log.stat().st_size > 0


def read_study(path: Path) -> StudyData:
    """Read a study's directory.

    Raises:
        UserError: it has no readable summary.json.
    """
    return StudyData(path, jsons.read(path / "summary.json", Found).model_dump())


def words(column: str) -> str:
    """A score column in words: ``ema/good.last`` is "good, EMA, last step", ``return/0.25`` one at a difficulty."""
    name = _DIFFICULTY.sub(lambda found: f" at difficulty {float(found[1]):g}", column.removesuffix(LAST))
    parts = [name.removeprefix("ema/").replace("_", " ").replace(" kl", " KL")]
    parts += ["EMA"] if name.startswith("ema/") else []
    parts += ["last step"] if column.endswith(LAST) else []
    return ", ".join(parts)


def phrase(column: str) -> str:
    """A column of the log for readers: ``loss/generator`` is "generator loss"."""
    family, _, rest = column.partition("/")
    if family in ("loss", "output"):
        return f"{rest} {family}"
    return words(rest) if family in ("evaluation", "voice") else words(column.replace("/", " "))

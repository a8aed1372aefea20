"""The study file: one typed model that states hypothesis, arms, seeds and metric before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from lab.door.yamls import parse
from lab.errors import UserError
from lab.studies.criteria import CRITERIA, Criterion, MeanScore
from lab.studies.references import References
from lab.studies.sweeps import Halving, Quantity, arms_of
from lab.training.config import Config, load_yaml, resolve

SHIPPED = Path(__file__).parent / "shipped"
MOST_SEEDS = 10_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


ARM = "{arm}"
"""What stands for the arm in the name of the runs that a response study's trials begin with."""


NEAR = 1 / 16
"""Cycles by which a best phase may miss the one that was expected: half of an eighth, in which phases are tried."""
ABOUT = 1 / 8
"""Cycles by which no phase of the interval may miss it where the expectation was met."""


class ResponseConfig(Config):
    """A phase-response study: one voice is slid along the cycle, everything else stays as it is.

    With ``init_from`` it was slid before, in the runs whose weights the trials begin with: those of a response study of
    this voice with as many offsets, ``its-name/{arm}-s{seed}``.
    """

    voice: str = Field(min_length=1, description="a voice with a wave, or one that follows another in phase")
    offsets: int = Field(8, ge=3, le=64, description="how many offsets 0, 1/n, … (n-1)/n of a cycle it is slid to")
    expects: float | None = Field(
        None, ge=0, lt=1, description="the best phase that the hypothesis has in mind, in cycles; none if left out"
    )
    init_from: str | None = Field(
        None, description="runs in which it was slid, and which trials begin with: STUDY/{arm}-s{seed}"
    )

    @field_validator("init_from")
    @classmethod
    def _of_each_arm(cls, value: str | None) -> str | None:
        if value is not None and ARM not in value:
            raise ValueError(f"{value!r} is the same for every offset; accepted: a name with {ARM} in it")
        return value

    def near(self, interval: tuple[float, float]) -> bool | None:
        """Whether phases ``(low, high)``, in cycles, are about the one that is expected.

        True where none is further than ``ABOUT`` from it, False where none comes within ``NEAR``; None where they are
        too many to say.
        """
        assert self.expects is not None
        width, after = interval[1] - interval[0], (self.expects - interval[0]) % 1.0
        if after > width and min(after - width, 1.0 - after) > NEAR + 1e-9:
            return False
        before = (self.expects - interval[0] + 0.5) % 1.0 - 0.5  # of the interval's beginning, where it is near
        return True if before <= ABOUT + 1e-9 and width - before <= ABOUT + 1e-9 else None

    @property
    def words(self) -> str:
        """What is slid."""
        return self.voice if self.init_from is None else f"{self.voice} in the run begun with"

    def arms(self) -> dict[str, dict[str, Any]]:
        """An arm for each offset."""
        width = max(len(f"{place / self.offsets:.4g}") for place in range(self.offsets))
        names = [f"{place / self.offsets:.4g}".ljust(width, "0") if place else "0" for place in range(self.offsets)]
        return {f"offset-{name}": self._change(f"offset-{name}", place) for place, name in enumerate(names)}

    def _change(self, arm: str, place: int) -> dict[str, Any]:
        if self.init_from is not None:
            return {"init_from.run": self.init_from.replace(ARM, arm)}
        return {f"voices.{self.voice}.offset": place / self.offsets}


class Study(Config):
    """Arms × seeds of one trainer under a stated hypothesis. Field order is the order in the saved ``study.yaml``."""

    name: str = Field(description="names results/<name>/; the file's stem if left out")
    title: str = Field("", description="the heading of summary and figures; the name if left out")
    hypothesis: str = Field(min_length=1, description="what the primary comparison is expected to show, in words")
    trainer: str = Field(description="a trainer of this installation: gan, rl, …")
    preset: str = Field(description="a preset of that trainer, or a YAML file")
    seeds: list[int] = Field(
        min_length=1, description="a list of seeds, or a count n for 0 … n-1; the same for all arms"
    )
    seeds_stated: list[int] = Field(
        default_factory=list, description="written by `lab study`: the seeds as they were before results were seen"
    )
    set: Mapping[str, Any] = Field(default_factory=dict, description="dotted keys changed in every arm")
    response: ResponseConfig | None = Field(
        None, description="in the place of arms and compare: {voice: …, offsets: 8}, a phase-response study"
    )
    sweep: Mapping[str, Quantity] | None = Field(
        None,
        min_length=1,
        max_length=2,
        description="in the place of arms and compare: one or two dotted keys, each with values or {low, high, points}",
    )
    halving: Halving | None = Field(
        None, description="with a sweep: {factor: 3, rungs: 3}, all arms for few steps, the best third for longer, …"
    )
    arms: Mapping[str, Mapping[str, Any]] = Field(min_length=1, description="arm -> dotted keys changed in it")
    metric: str = Field(description="the score column of trials.csv that comparisons are of")
    direction: Literal["higher", "lower"] = Field(description="which scores are better")
    criterion: Annotated[Criterion, CRITERIA] = Field(
        MeanScore(), description="mean, {name: quantile, at: 0.25} or {name: success, at: 0.7}: of an arm's seeds"
    )
    compare: list[list[str]] = Field(
        default_factory=list, description="[treatment, control] pairs; the verdict is of the first"
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="family-wise error rate of all comparisons together")
    columns: list[str] = Field(default_factory=list, description="further score columns shown in the tables")
    references: References | None = Field(
        None, description="published scores in this metric: {source: …, scores: {arm: {score: …, deviation: …}}}"
    )

    @model_validator(mode="before")
    @classmethod
    def _arms_of_a_response(cls, data: Any) -> Any:
        """The arms of a phase-response study follow from it; the recorded file names them all the same."""
        if not isinstance(data, Mapping) or data.get("response") is None:
            return data
        try:
            own = ResponseConfig.model_validate(data["response"]).arms()
        except ValidationError:  # the field itself says what is wrong with it
            return {**data, "arms": {"offset-0": {}}}
        if data.get("arms", own) != own or data.get("compare"):
            raise ValueError("response: it makes the arms and compares them all; leave arms and compare out")
        if data.get("criterion", "mean") != "mean":
            raise ValueError("response: the harmonic is fitted to each seed's scores; leave criterion out")
        return {**data, "arms": own}

    @model_validator(mode="before")
    @classmethod
    def _arms_of_a_sweep(cls, data: Any) -> Any:
        """The arms of a sweep follow from it; the recorded file names them all the same."""
        if not isinstance(data, Mapping) or data.get("sweep") is None:
            if isinstance(data, Mapping) and data.get("halving") is not None:
                raise ValueError("halving: it is of a sweep's arms; give a sweep")
            return data
        sweep = data["sweep"]
        if not isinstance(sweep, Mapping) or not sweep:  # the field itself says so
            return {**data, "arms": {"all": {}}}
        sweep = {key: {"values": of} if isinstance(of, list) else of for key, of in sweep.items()}
        try:
            own = arms_of({key: Quantity.model_validate(of) for key, of in sweep.items()})
        except ValidationError:  # the field itself says what is wrong with it
            return {**data, "sweep": sweep, "arms": {"all": {}}}
        if data.get("response") is not None or data.get("arms", own) != own or data.get("compare"):
            raise ValueError("sweep: it makes the arms and compares them all; leave response, arms and compare out")
        if data.get("criterion", "mean") != "mean":
            raise ValueError("sweep: arms are described by their means; leave criterion out")
        return {**data, "sweep": sweep, "arms": own}

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        return (
            list(range(value))
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SEEDS
            else value
        )

    @field_validator("arms", mode="before")
    @classmethod
    def _empty_arms(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {arm: {} if changes is None else changes for arm, changes in value.items()}

    @model_validator(mode="after")
    def _is_sound(self) -> Study:
        for what, name in [("name", self.name), *(("arms", arm) for arm in self.arms)]:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"{what}: {name!r} names a folder; letters, digits, dot, dash and underscore are accepted"
                )
        if self.name == "runs":
            raise ValueError("name: 'runs' is the folder of run directories; give the study another name")
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds: {self.seeds} must be distinct and not negative")
        for where, keys in [("set", self.set), *((f"arms.{arm}", keys) for arm, keys in self.arms.items())]:
            if "seed" in keys:
                raise ValueError(f"{where}.seed: the seeds of a study are its key seeds, the same for every arm")
        for pair in self.compare:
            if len(pair) != 2 or len(set(pair)) != 2:
                raise ValueError(f"compare: {pair} must be [treatment, control], two different arms")
            if unknown := [arm for arm in pair if arm not in self.arms]:
                raise ValueError(f"compare: no arm is called {unknown[0]!r}; arms are {', '.join(self.arms)}")
        published = () if self.references is None else self.references.scores
        if unknown := [arm for arm in published if arm not in self.arms]:
            raise ValueError(f"references.scores: no arm is called {unknown[0]!r}; arms are {', '.join(self.arms)}")
        if len({tuple(pair) for pair in self.compare}) != len(self.compare):
            raise ValueError(f"compare: {self.compare} names a pair twice, which would raise the bar for all")
        return self

    @property
    def heading(self) -> str:
        """The title, or the name."""
        return self.title or self.name

    @property
    def shown(self) -> list[str]:
        """The score columns of the tables: the metric, then the further ones."""
        return list(dict.fromkeys([self.metric, *self.columns, *([] if self.halving is None else ["steps"])]))

    @property
    def judged_by(self) -> str:
        """What arms are compared by, in words."""
        return self.criterion.words(self.metric, self.direction)

    def changes(self, arm: str, seed: int) -> dict[str, Any]:
        """Everything this trial changes in the preset, as dotted keys; the arm wins over ``set``."""
        return {**self.set, **self.arms[arm], "seed": seed}


def find_study(text: str) -> Path:
    """The study file that ``text`` means: a path, or the name of a shipped one.

    Raises:
        UserError: there is neither; the shipped names are listed.
    """
    if (path := Path(text)).is_file():
        return path
    if NAME.fullmatch(text) and (shipped := SHIPPED / f"{text.removesuffix('.yaml')}.yaml").is_file():
        return shipped
    names = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.yaml")))
    raise UserError(f"{text} is neither a study file nor a shipped study; shipped are {names}")


def load_study(path: Path, changes: Sequence[str] = ()) -> Study:
    """Read, change and validate one study file.

    Args:
        path: the YAML file.
        changes: ``KEY=VALUE`` of the study file (``seeds=3``); ``set.KEY=VALUE`` changes KEY in every arm.

    Raises:
        UserError: names the field, the value and what is accepted.
    """
    mapping = {"name": path.stem, **load_yaml(path)}
    preset = mapping.get("preset")
    if isinstance(preset, str) and preset.endswith((".yaml", ".yml")) and (path.parent / preset).is_file():
        mapping["preset"] = str(path.parent / preset)  # a recorded study has its preset beside it
    return study_of(mapping, changes, str(path))


def study_of(mapping: Mapping[str, Any], changes: Sequence[str] = (), source: str | None = None) -> Study:
    """The study that plain data means, changed as by :func:`load_study`."""
    of_trainer = [text.removeprefix("set.") for text in changes if text.startswith("set.")]
    if of_trainer:
        # Dotted keys are the trainer's to take apart: in a study file they are keys as they stand.
        pairs = (text.partition("=") for text in of_trainer)
        added = {key.strip(): parse(value) for key, _, value in pairs}
        mapping = {**mapping, "set": {**(mapping.get("set") or {}), **added}}
    return resolve(Study, mapping, [text for text in changes if not text.startswith("set.")], source=source)

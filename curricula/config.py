"""The configuration of a curriculum: one record for each kind of teacher, told apart by ``kind``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, RootModel, model_validator

from curricula.difficulty import meant
from curricula.pacing import Cosine, Linear, Staircase, Wave
from curricula.teachers import Fixed, Paced, SuccessThreshold, Teacher, Uniform
from lab.errors import UserError
from lab.phase import Clock, Schedule
from lab.training.config import Config

Level = Annotated[float, Field(ge=0.0, le=1.0)]


class _Curriculum(Config):
    """What every kind does: build its teacher, and be refused at once where the teacher would be."""

    def build(self) -> Teacher:
        """A teacher at its beginning."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _can_be_built(self) -> _Curriculum:
        try:
            self.build()
        except UserError as error:
            raise UserError(f"curriculum.{error}") from error
        return self

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}


class NoCurriculum(_Curriculum):
    """The same difficulty always, by default the target task's."""

    kind: Literal["none"] = "none"
    difficulty: Level = Field(1.0, description="0 is the easiest, 1 the target task")

    def build(self) -> Teacher:
        """A teacher that never changes."""
        return Fixed(self.difficulty)


class UniformCurriculum(_Curriculum):
    """Uniform randomisation: the control that a curriculum has to beat."""

    kind: Literal["uniform"]
    low: Level = 0.0
    high: Level = 1.0

    def build(self) -> Teacher:
        """A teacher that draws every episode's difficulty anew."""
        return Uniform(self.low, self.high)


class _RampCurriculum(_Curriculum):
    stop: int = Field(ge=1, description="the step at which the difficulty reaches high")
    start: int = Field(0, ge=0, description="the step at which it leaves low")
    low: Level = 0.0
    high: Level = 1.0


class LinearCurriculum(_RampCurriculum):
    """A straight ramp."""

    kind: Literal["linear"]

    def build(self) -> Teacher:
        """A teacher that follows the ramp."""
        return Paced(Linear(**self._settings()))


class CosineCurriculum(_RampCurriculum):
    """A ramp that begins and ends gently."""

    kind: Literal["cosine"]

    def build(self) -> Teacher:
        """A teacher that follows the ramp."""
        return Paced(Cosine(**self._settings()))


class StaircaseCurriculum(_RampCurriculum):
    """Equal stairs."""

    kind: Literal["staircase"]
    levels: int = Field(5, ge=2, description="how many difficulties, low and high among them")

    def build(self) -> Teacher:
        """A teacher that follows the stairs."""
        return Paced(Staircase(**self._settings()))


class WaveCurriculum(_Curriculum):
    """Any wave of the phase engine: a curriculum that comes back to the easy tasks."""

    kind: Literal["wave"]
    clock: dict[str, Any] = Field(description="e.g. {period: 10000}")
    wave: str = Field("cosine", description="a wave of lab.phase; its crest is the hardest")
    low: Level = 0.0
    high: Level = 1.0
    offset: float = Field(
        0.5, description="in cycles; 0.5 lets a symmetric wave begin at its trough, with the easy tasks"
    )

    def build(self) -> Teacher:
        """A teacher that follows the wave."""
        clock = Clock.from_config(self.clock)
        return Paced(Wave(Schedule(clock, self.wave, low=self.low, high=self.high, offset=self.offset)))


class SuccessThresholdCurriculum(_Curriculum):
    """Raise the difficulty when the agent succeeds often enough: `curricula.teachers.SuccessThreshold`."""

    kind: Literal["success_threshold"]
    threshold: Level = Field(0.8, description="the share of successes that raises the difficulty")
    window: int = Field(50, ge=1, description="episodes at one difficulty that are judged together")
    step_up: float = Field(0.1, gt=0.0, le=1.0, description="how much it rises")
    step_down: Level = Field(0.0, description="how much it falls where the agent fails; 0: never")
    floor: Level = Field(0.1, description="the share of successes at or below which it falls")
    lowest: Level = Field(0.0, description="where it begins, and never falls below")
    highest: Level = Field(1.0, description="what it never rises above")

    def build(self) -> Teacher:
        """A teacher at the lowest difficulty."""
        return SuccessThreshold(**self._settings())


Kind = (
    NoCurriculum
    | UniformCurriculum
    | LinearCurriculum
    | CosineCurriculum
    | StaircaseCurriculum
    | WaveCurriculum
    | SuccessThresholdCurriculum
)


class CurriculumConfig(RootModel[Annotated[Kind, Field(discriminator="kind")]]):
    """``{kind: none | uniform | linear | cosine | staircase | wave | success_threshold, …}``; by default none.

    >>> CurriculumConfig(kind="linear", stop=1000).build().level
    0.0
    """

    model_config = {"frozen": True}

    root: Annotated[Kind, Field(discriminator="kind")] = Field(default_factory=NoCurriculum)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        """Name a misspelt kind or key as a person would; pydantic's words for a union name none of them."""
        if not isinstance(given, Mapping):
            return given
        kinds = {get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(Kind)}
        kind = given.get("kind")
        if "kind" not in given and given:
            raise UserError(f"curriculum.kind is missing; accepted: {', '.join(kinds)}")
        if "kind" in given and kind not in list(kinds):
            raise UserError(f"curriculum.kind is {kind!r}{meant(str(kind), kinds)}; accepted: {', '.join(kinds)}")
        accepted = list(kinds[kind or "none"].model_fields)
        for key in given:
            if key not in accepted:
                hint, names = meant(str(key), accepted), ", ".join(accepted)
                raise UserError(f"curriculum.{key} is unknown{hint}; accepted for {kind or 'none'}: {names}")
        return dict(given) or {"kind": "none"}

    @property
    def kind(self) -> str:
        """Which kind it is."""
        return self.root.kind

    def build(self) -> Teacher:
        """A teacher at its beginning."""
        return self.root.build()

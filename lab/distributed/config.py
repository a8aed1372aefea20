"""The configuration of a run with workers: any trainer's that can be shared, and how its workers work together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, Self

from pydantic import Field, create_model, model_validator

from lab.errors import UserError
from lab.phase import Cooled, Follower, Voice
from lab.phase.parsing import parse_voices
from lab.training.config import RunConfig, as_mapping, resolve
from lab.training.offsets import Offsets, offset
from lab.training.plugins import meant, offering, trainer
from lab.training.record import Config

SYNC = "sync_every"
"""The voice that says how many steps lie between two averages."""
OWN = ("trainer", "workers")
"""Fields that the workers' own configuration has not."""
SHARES = "shares"
"""The attribute of plug-ins whose trainers can be one of several workers."""
MOST = 4096


class OuterOptimizer(Config):
    """What moves the averaged weights by the mean of the workers' differences (DiLoCo, arXiv 2311.08105)."""

    name: Literal["sgd"] = "sgd"
    lr: float = Field(0.7, gt=0, le=100, description="1, without momentum, is the plain average")
    momentum: float = Field(0.9, ge=0, lt=1, description="of the mean difference")
    nesterov: bool = Field(True, description="whether the momentum looks ahead, as in DiLoCo")


class Workers(Config):
    """How many workers there are, and how they work together."""

    count: int = Field(2, ge=1, le=MOST, description="workers; each learns from its equal part of every batch")
    simulated: bool = Field(
        False, description="whether all take turns in one process, as in studies; else each is a process"
    )
    restarts: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="how often processes are started again, from the last average, when one dies",
    )
    keep_every: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="averages of weights between two that are kept for such a start, for which worker 0 gathers all "
        "that each worker has, its optimisers' moments too: 1 loses least, more sends less",
    )
    outer_optimizer: OuterOptimizer | None = Field(
        None, description="what moves the averaged weights; null: the plain average of local SGD (arXiv 1805.09767)"
    )
    offsets: Offsets = Field(
        0.0,
        description="how far each worker's learning rate is ahead, in cycles: one number, spread (worker k of K by "
        "k/K), or a list of one each",
    )
    cooldown: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the steps, at the end, in which all rates fall from their mean to 0; a run given more "
        "steps is warm again until its new end",
    )

    def offset(self, rank: int) -> float:
        """Of one worker, in cycles."""
        return offset(self.offsets, rank, self.count)

    @property
    def moved(self) -> bool:
        """Whether learning rates are other than the voices say."""
        return bool(self.cooldown) or any(self.offset(rank) for rank in range(self.count))

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if isinstance(self.offsets, tuple) and len(self.offsets) != self.count:
            raise UserError(f"workers.offsets: {len(self.offsets)} are given for {self.count} workers; one each is")
        return self


class DistributedConfig(RunConfig):
    """What :func:`model_of` joins to the configuration of a trainer; by itself it is of none."""

    trainer: str
    workers: Workers = Field(default_factory=Workers, description="how many there are, and how they work together")

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> type[Self]:
        """The model for the trainer that a file names, or whose preset it is."""
        return model_of(_trainer_of(mapping))  # type: ignore[return-value]

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The trainer's, and how often workers are averaged."""
        return {**super().voice_names(), SYNC: "steps between two averages of the workers' weights"}

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """Without ``sync_every`` gradients are averaged, at each step."""
        return (*super().optional_voices(), SYNC)

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """At least one step."""
        return {**super().voice_ranges(), SYNC: (1.0, 1e9)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Goes to the process of a study's trial as plain data: its class was made here, and no module has it."""
        return resolve, (DistributedConfig, as_mapping(self))

    @property
    def local(self) -> bool:
        """Whether workers learn by themselves between averages."""
        return SYNC in self.voices

    def every(self) -> Voice:
        """The voice of the averages.

        Raises:
            UserError: gradients are averaged.
        """
        voice = self.parsed_voices().get(SYNC)
        if voice is None or isinstance(voice, Follower):
            raise UserError(f"voices.{SYNC}: missing; give it a number or a schedule")
        return voice

    def plain(self) -> dict[str, Any]:
        """The plain data of the trainer's own configuration, without what workers add."""
        mapping = {key: value for key, value in as_mapping(self).items() if key not in OWN}
        return {**mapping, "voices": {name: voice for name, voice in mapping["voices"].items() if name != SYNC}}

    @model_validator(mode="after")
    def _can_be_shared(self) -> Self:
        count, size = self.workers.count, getattr(self, "batch_size", None)
        if size is not None and size % count:
            raise UserError(f"workers.count: {count} does not divide batch_size {size}; each takes an equal part")
        if not self.local:
            for field in ("outer_optimizer", "offsets"):
                if getattr(self.workers, field):
                    raise UserError(f"workers.{field}: it needs the voice {SYNC}; without it gradients are averaged")
            if self.workers.simulated and count > 1:
                raise UserError(
                    f"workers.simulated: true is not accepted without the voice {SYNC}: averaged gradients are those "
                    f"of `lab {self.trainer} train`"
                )
        voices = parse_voices(self.parsed_clock(), self.voices, self.measured_names())
        for name in rates([*voices]) if self.workers.cooldown else ():
            if isinstance(voices[name], Cooled):
                raise UserError(
                    f"workers.cooldown: voices.{name} has a cooldown of its own; one of the two is accepted"
                )
        if late := [name for name in voices if name != SYNC and SYNC in followed(name, self.voices)]:
            raise UserError(f"voices.{late[0]}: it follows {SYNC}, which workers have not; another voice is accepted")
        if self.workers.moved and (moved := rates(followed(SYNC, self.voices))):
            raise UserError(
                f"voices.{SYNC}: it follows {moved[0]}, which workers.offsets or workers.cooldown "
                "change for each worker; a number, or a wave of its own, is accepted beside them"
            )
        measured = [name for name, voice in voices.items() if isinstance(voice, Follower)]
        if measured and (not self.local or {SYNC, *rates(measured)} & {*measured}):
            raise UserError(
                f"voices.{measured[0]}: it follows what each worker measures for itself; a clock's is accepted"
            )
        return self


def rates(names: Sequence[str]) -> list[str]:
    """Which voices are learning rates: ``lr`` and ``lr.…``."""
    return [name for name in names if name == "lr" or name.startswith("lr.")]


def followed(name: str, voices: Mapping[str, Any]) -> list[str]:
    """The voices that one follows by name, the nearest first."""
    voice = voices.get(name)
    while isinstance(voice, Mapping):
        voice = voice.get("follow")
    return [voice, *followed(voice, voices)] if isinstance(voice, str) and voice in voices else []


@cache
def model_of(name: str) -> type[DistributedConfig]:
    """The configuration of a trainer, with workers.

    Raises:
        UserError: there is no such trainer, or it cannot be one of several workers.
    """
    if name not in offering(SHARES):
        trainer(name)  # one that is not there says so
        raise UserError(f"trainer: {name!r} cannot be one of several workers; {', '.join(offering(SHARES))} can")
    inner = trainer(name).config_type()
    fields: dict[str, Any] = {"trainer": (Literal[name], name)}
    bases: Any = (DistributedConfig, inner)
    made: Any = create_model
    joined: type[DistributedConfig] = made(f"Distributed{inner.__name__}", __base__=bases, **fields)
    return joined


def of_worker(config: DistributedConfig, mapping: Mapping[str, Any]) -> RunConfig:
    """The trainer's own configuration, of plain data such as :meth:`DistributedConfig.plain`."""
    return resolve(trainer(config.trainer).config_type(), mapping)


def _trainer_of(mapping: Mapping[str, Any]) -> str:
    """The trainer that a file names, or whose settings it has."""
    named = mapping.get("trainer") or meant(mapping, offering(SHARES))
    if named is None:
        raise UserError(f"trainer: missing; give the trainer of each worker: {', '.join(offering(SHARES))}")
    return str(named)

"""Typed configuration: the base model of every trainer, and how it is read and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from lab.door.jsons import LAST
from lab.door.yamls import dump_yaml, load_yaml
from lab.errors import UserError
from lab.training.complaints import complaint
from lab.training.init_from import InitFrom
from lab.training.overrides import override
from lab.training.parts import own_parts
from lab.training.record import Config

if TYPE_CHECKING:
    from lab.phase import Clock, Follower, Voice

__all__ = ["Config", "Device", "RunConfig", "dump", "load_yaml", "resolve"]

Device = Literal["auto", "cpu", "cuda"]


ConfigType = TypeVar("ConfigType", bound=Config)


class RunConfig(Config):
    """What every trainer's configuration has; a trainer adds its own fields by subclassing."""

    seed: int = Field(0, ge=0, le=LAST, description="the only source of randomness")
    steps: int = Field(ge=1, le=LAST, description="how long to train, in the trainer's own steps")
    device: Device = Field("auto", description="auto takes the GPU where there is one")
    clock: Mapping[str, Any] = Field(description="the master clock, e.g. {period: 1000}")
    voices: Mapping[str, Any] = Field(description="what the clock conducts: name -> number or schedule")
    log_every: int = Field(50, ge=1, le=LAST, description="steps between rows of training metrics")
    evaluate_every: int = Field(500, ge=1, le=LAST, description="steps between evaluations")
    checkpoint_every: int = Field(1000, ge=1, le=LAST, description="steps between checkpoints")
    keep_checkpoints: int = Field(
        3, ge=1, le=LAST, description="newest checkpoints that stay, of which another run may begin with any"
    )
    init_from: InitFrom | None = Field(
        None, description="the run whose weights this one begins with: RUN, RUN@STEP or {run: …, step: …, fresh: […]}"
    )

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> type[Self]:
        """The model of a file's data, where a word in it decides; a subclass that reads one overrides this."""
        return cls

    @classmethod
    def rewritten(cls, mapping: Mapping[str, Any], changed: bool) -> Mapping[str, Any]:
        """The plain data that another way of writing it means; a subclass that reads one overrides this.

        Args:
            mapping: of a file, or ``changed``: the same with the changes of ``--set``, which count.
        """
        return mapping

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The voices this trainer takes, each with what it is; an empty mapping takes any name."""
        return {}

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """Those of :meth:`voice_names` that a configuration may leave out; the others are required."""
        return ()

    @classmethod
    def brought_names(cls) -> Collection[str]:
        """Voices that parts of a configuration may bring, so that ``--set`` takes none of them for a key of another."""
        return ()

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """The least and the most that a voice may be, where it may not be any number."""
        return {}

    def measured_names(self) -> tuple[str, ...]:
        """Levels the trainer measures, which a voice may ``follow``."""
        return ()

    def known_voices(self) -> Mapping[str, str]:
        """Those of :meth:`voice_names`, and those that parts of this configuration bring."""
        return self.voice_names()

    @field_validator("voices")
    @classmethod
    def _without_nulls(cls, voices: Mapping[str, Any]) -> Mapping[str, Any]:
        """``null`` leaves out a voice that a preset has."""
        known = {*cls.voice_names(), *cls.brought_names()}
        for name in (name for name, voice in voices.items() if voice is None and known and name not in known):
            close = get_close_matches(name, known, n=1)
            if close:  # what parts of somebody else's bring is not known here
                raise UserError(f"voices.{name}: no such voice; did you mean {close[0]!r}?")
        return {name: voice for name, voice in voices.items() if voice is not None}

    def lacks(self, name: str) -> str:
        """Why a voice is not among :meth:`known_voices`, in words."""
        return "no such voice"

    def paced_by_steps(self) -> tuple[str, ...]:
        """Fields that mean something else where ``steps`` is another: a shorter run is no beginning of this one."""
        return ()

    def parsed_clock(self) -> Clock:
        """The master clock."""
        from lab.phase import Clock

        return Clock.from_config(self.clock)

    def parsed_voices(self) -> dict[str, Voice | Follower]:
        """The voices, on the master clock unless they bring their own."""
        from lab.phase.parsing import parse_voices

        return parse_voices(self.parsed_clock(), self.voices, measured=self.measured_names())

    @model_validator(mode="after")
    def _check_voices(self) -> Self:
        known = self.known_voices()
        for name in self.voices if known else ():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise UserError(f"voices.{name}: {self.lacks(name)}{hint} (accepted: {', '.join(known)})")
        for name, what in self.voice_names().items():
            if name not in self.voices and name not in self.optional_voices():
                raise UserError(f"voices.{name}: missing; give the {what} a number or a schedule")
        voices = self.parsed_voices()
        for name, (least, most) in self.voice_ranges().items():
            if (voice := voices.get(name)) is not None and not least <= voice.low <= voice.high <= most:
                found = f"{voice.low:g}" if voice.low == voice.high else f"{voice.low:g} to {voice.high:g}"
                raise UserError(f"voices.{name}: {found} is not accepted; {least:g} to {most:g} is")
        return self

    def own_modules(self) -> list[str]:
        """Modules of another package that this configuration brought parts from, for the provenance."""
        return sorted({part.__module__ for part in own_parts(self)})


def resolve(
    config_type: type[ConfigType],
    mapping: Mapping[str, Any],
    sets: Sequence[str] | Mapping[str, Any] = (),
    source: str | None = None,
) -> ConfigType:
    """The configuration that a mapping (of a YAML file) means after ``--set`` changes.

    Args:
        config_type: the trainer's model.
        mapping: plain YAML data.
        sets: ``"a.b=value"`` texts, each value read as YAML, or a mapping from ``a.b`` to values. A key walks the
            mappings by the longest key that exists, so that ``voices.lr.generator.offset`` finds the voice
            ``lr.generator``; a mapping as value replaces what was there.
        source: where the mapping comes from, for the message.

    Raises:
        UserError: one line for all that is wrong, each with its dotted field, its value and what is accepted.
    """
    config_type = getattr(config_type, "of", lambda mapping: config_type)(mapping)
    rewritten: Callable[..., Mapping[str, Any]] = getattr(config_type, "rewritten", lambda mapping, changed: mapping)
    changed = dict(rewritten(override(config_type, rewritten(mapping, changed=False), sets), changed=True))
    try:
        # JSON is pydantic's strict mode with the types of a file: lists become tuples, strings paths, and no more.
        return config_type.model_validate_json(json.dumps(changed))
    except ValidationError as error:
        prefix = f"{source}: " if source else ""
        raise UserError(prefix + complaint(config_type, changed, error)) from None


def as_mapping(config: Config) -> dict[str, Any]:
    """The configuration as plain YAML data, every field present."""
    return config.model_dump(mode="json")


def dump(config: Config) -> str:
    """The configuration as YAML, every field present; resolving it again gives an equal configuration."""
    return dump_yaml(as_mapping(config))

"""The classifier trainer's configuration: one typed model, documented where each field is declared."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import Field, model_validator

from lab.errors import UserError
from lab.phase import Follower, Voice
from lab.supervised.data import DATA, DataPart
from lab.supervised.networks import NETWORKS, NetworkPart
from lab.supervised.optimizers import OPTIMIZERS, AdamOptimizer, OptimizerPart
from lab.supervised.tasks import TASKS, TasksPart
from lab.supervised.tasks.part import check_length
from lab.techniques import TECHNIQUES, TechniquePart, groups, together
from lab.training.config import RunConfig

NETWORK = "network"
"""What the network that is trained is called among the predictors."""
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]
Patterns = Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]


class SupervisedConfig(RunConfig):
    """A classifier's run: data, a network, what trains it, the techniques that ride on the clock, and their voices."""

    data: Annotated[DataPart, DATA] = Field(description="what to classify")
    network: Annotated[NetworkPart, NETWORKS] = Field(description="from inputs to classes")
    optimizer: Annotated[OptimizerPart, OPTIMIZERS] = Field(AdamOptimizer(), description="what trains the network")
    batch_size: int = Field(128, ge=1, le=1_000_000, description="new samples of a step")
    validation: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="training samples held out before data are altered, and scored in the place of the test part",
    )
    train_samples: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="so many to learn from, of each class alike, drawn by the seed; null: all",
    )
    tasks: Annotated[TasksPart, TASKS] | None = Field(
        None, description="learn the data as tasks one after the other, each for an equal share of the steps"
    )
    imbalance: float = Field(
        1.0, ge=1, le=1_000_000, description="training samples of the first class for each of the last: a long tail"
    )
    label_noise: float = Field(0.0, ge=0, lt=1, description="share of the training labels that are made wrong")
    techniques: tuple[Annotated[TechniquePart, TECHNIQUES], ...] = Field(
        (), max_length=32, description="what rides on the clock, in the order in which it is applied"
    )
    deployed: str | None = Field(
        None,
        description="whose scores are also logged as evaluation/deployed/…: network, or what a technique offers (until "
        "it does, the network); then arms that are used in different ways have a column in common",
    )
    groups: Mapping[GroupName, Patterns] = Field(
        default_factory=dict,
        max_length=32,
        description="parameters with rates of their own, lr.<group> and gate.<group>: name -> patterns of parameters",
    )
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="what the rate is multiplied by for each layer below the last; 1 is none"
    )

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The voices every classifier takes; its techniques bring theirs."""
        return {"lr": "learning rate"}

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A negative learning rate would climb the loss."""
        return {"lr": (0.0, math.inf)}

    @classmethod
    def brought_names(cls) -> Collection[str]:
        """Those of every listed technique."""
        return [name for part in TECHNIQUES.listed.values() for name in part.voices]

    def known_voices(self) -> Mapping[str, str]:
        """Also those of the techniques."""
        brought = {name: spec.what for name, spec in together.specs(self.techniques).items()}
        return {**self.voice_names(), **groups.voices([*self.groups]), **brought}

    def measured_names(self) -> tuple[str, ...]:
        """What a technique measures."""
        return tuple(name for part in self.techniques for name in part.measured)

    def parsed_voices(self) -> dict[str, Voice | Follower]:
        """As of any run; whoever follows what no technique measures is told which one would."""
        measured = {level: word for word, part in TECHNIQUES.listed.items() for level in part.measured}
        known = {*self.measured_names(), *self.voices}
        for name, voice in self.voices.items():
            followed = voice.get("follow") if isinstance(voice, Mapping) else None
            if isinstance(followed, str) and followed in measured and followed not in known:
                missing = f"it is measured by the technique {measured[followed]!r}, which is not among techniques"
                raise UserError(f"voices.{name}.follow: unknown {followed!r}; {missing}")
        return super().parsed_voices()

    def paced_by_steps(self) -> tuple[str, ...]:
        """Tasks share the steps."""
        return ("tasks",) if self.tasks is not None else ()

    def conducted(self) -> dict[str, Voice | Follower]:
        """The voices, and constants for those of techniques that are left out."""
        return together.with_defaults(self.techniques, self.parsed_voices())

    @model_validator(mode="after")
    def _fits_together(self) -> SupervisedConfig:
        voices = self.parsed_voices()
        together.check(self.techniques, voices)
        for name in (f"lr.{group}" for group in self.groups):
            if (rate := voices.get(name)) is not None and rate.low < 0:
                raise UserError(f"voices.{name}: {rate.low:g} is not accepted; 0 to inf is")
        for name in (f"gate.{group}" for group in self.groups):
            if (gate := voices.get(name)) is not None and not 0 <= gate.low <= gate.high <= 1:
                raise UserError(f"voices.{name}: {gate.low:g} to {gate.high:g} is not accepted; 0 to 1 is")
        for name in (f"{what}.{group}" for what in ("lr", "gate") for group in self.groups):
            if self.optimizer.points and (voice := voices.get(name)) is not None and voice.low == 0 < voice.high:
                counts = f"{self.optimizer.name} counts the steps of what is frozen, and leaps when it thaws"
                raise UserError(
                    f"voices.{name}: comes to 0, but {counts}; a low above 0 is accepted, or another optimizer"
                )
        offered = (NETWORK, *(word for part in self.techniques for word in part.offers))
        if self.deployed is not None and self.deployed not in offered:
            raise UserError(f"deployed: {self.deployed!r} is not accepted; {', '.join(offered)} is")
        if self.tasks is not None and (number := self.tasks.known_number) is not None:
            check_length(number, self.steps)
        return self

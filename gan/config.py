"""The GAN trainer's configuration: one typed model, documented where each field is declared."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gan.balance import BALANCES, BalancePart
from gan.data import DATA, DataPart
from gan.data.tasks import GATE, TasksConfig
from gan.losses import LOSSES, LossPart, NonSaturating
from gan.networks import NETWORKS, NetworkPart
from gan.optimizers import OPTIMIZERS, AdamOptimizer, OptimizerPart
from gan.optimizers.lookahead import LookaheadConfig
from gan.penalties import LISTED, PENALTIES, PenaltyPart
from gan.precision import Precision
from gan.techniques import PlayerTechniques
from gan.view import packed_shape
from lab.errors import UserError
from lab.phase import Constant, Follower, Schedule
from lab.supervised.tasks.part import check_length
from lab.techniques import TECHNIQUES
from lab.techniques.augmentations import AUGMENTATIONS, AugmentationPart
from lab.training.config import RunConfig

EMA_DECAY = 0.999
"""The generator's average where no voice conducts it."""
AVERAGE = ("ema.decay", "ema.half_life")
"""The voices of the generator's average, of which one is accepted."""
PLAYERS = ("generator", "discriminator")
ADVANTAGE = "advantage"
"""What a voice may follow: how well the discriminator ranks real before generated samples, from 0 (not at all) to 1."""


class GanConfig(RunConfig):
    """A GAN run: data, two networks, the game between them, and the voices that conduct it."""

    data: Annotated[DataPart, DATA] = Field(description="what to imitate")
    tasks: TasksConfig | None = Field(
        None,
        description="learn the data's classes, or the modes of a mixture, group by group, e.g. {number: 4}; scores are "
        "of all of them at any time",
    )
    latent: int = Field(2, ge=1, le=65_536, description="dimensions of the standard normal the generator maps from")
    generator: Annotated[NetworkPart, NETWORKS] = Field(description="the generator's network")
    discriminator: Annotated[NetworkPart, NETWORKS] = Field(description="the discriminator's network")
    loss: Annotated[LossPart, LOSSES] = Field(NonSaturating(), description="what each player minimises")
    penalties: tuple[Annotated[PenaltyPart, PENALTIES], ...] = Field(
        LISTED, max_length=16, description="penalties that a voice <penalty>.weight may conduct"
    )
    penalty_every: int = Field(
        1,
        ge=1,
        description="steps between penalties; each is multiplied by this number, so the mean pull is the same",
    )
    updates: Literal["alternating", "simultaneous", "extragradient"] = Field(
        "alternating",
        description="whether the generator answers the discriminator's new parameters or its old ones, or both take "
        "each step twice, the second time by the gradients at its end",
    )
    discriminator_steps: int = Field(1, ge=1, le=1000, description="discriminator updates of each step")
    generator_steps: int = Field(
        1,
        ge=1,
        le=1000,
        description="generator updates of each step, after those of the discriminator and at the same latent points; "
        "figures and reports, which call a step a generator update, count steps all the same",
    )
    batch_size: int = Field(256, ge=1, le=1_000_000, description="real samples, and as many generated, for each update")
    precision: Precision = Field(
        "float32", description="of both players' passes in training; bfloat16 is sooner where the processor has it"
    )
    conditional: bool = Field(
        False, description="whether both players are told the class of each sample; the data must have classes"
    )
    packing: int = Field(1, ge=1, le=64, description="samples that the discriminator sees as one (PacGAN)")
    augment: tuple[Annotated[AugmentationPart, AUGMENTATIONS], ...] = Field(
        (), max_length=16, description="changes of what the discriminator sees, e.g. [color, translation, cutout]"
    )
    optimizer: Annotated[OptimizerPart, OPTIMIZERS] = Field(AdamOptimizer(), description="of both players")
    lookahead: LookaheadConfig | None = Field(None, description="draw both players back every few steps, together")
    techniques: PlayerTechniques = Field(
        PlayerTechniques(), description="what rides on a player's weights, e.g. {generator: [{name: sparsity}]}"
    )
    balance: Annotated[BalancePart, BALANCES] | None = Field(
        None, description="a control that watches the game and slows or shifts a player"
    )
    capture: Literal["auto", "on", "off"] = Field(
        "off",  # until a GPU has run what only a CPU has run so far
        description="whether a GPU plays each step as one CUDA graph: auto does where it can; on, which a CPU obeys by "
        "playing the same step as it stands, is refused where that is impossible",
    )
    diagnostics: bool = Field(
        True,
        description="whether the log says how both players' weights move, at multiples of log_every, and their layers' "
        "singular values, at multiples of evaluate_every",
    )
    evaluation_samples: int = Field(
        2500, ge=2, le=10_000_000, description="generated samples that a score is computed from"
    )
    snapshot_every: int = Field(500, ge=1, description="steps between samples kept under snapshots/")
    snapshot_samples: int = Field(
        512, ge=1, le=1_000_000, description="samples kept each time, always from the same latent points"
    )
    ensemble_size: int = Field(
        5,
        ge=0,
        le=1000,
        description="newest generators kept for an ensemble, one at each trough of the generator's learning rate, or "
        "where that has none at the end of each cycle of the clock; none of workers that are averaged now and then",
    )

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The voices a GAN takes."""
        return {
            "lr.generator": "the generator's learning rate",
            "lr.discriminator": "the discriminator's learning rate",
            "r1.weight": "weight γ of the R1 penalty (γ/2)·E‖∇D‖² on real samples",
            "r2.weight": "weight γ of the R2 penalty (γ/2)·E‖∇D‖² on generated samples",
            "gp.weight": "weight λ of the gradient penalty λ·E(‖∇D‖ − 1)² between real and generated samples",
            "augment.strength": "strength of the augmentations, 0 to 1",
            "noise.std": "standard deviation of noise on all that the discriminator sees",
            GATE: "share of the real samples of a batch that are of those met before, with tasks",
            "ema.decay": "decay of the generator's moving average",
            "ema.half_life": "the average's half-life in steps, in the place of its decay",
        }

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """All but the learning rates: no penalty, noise, replay; augmentations in full; an average by ``EMA_DECAY``."""
        return [name for name in cls.voice_names() if not name.startswith("lr.")]

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A learning rate may be any number, even a negative one (slingshot steps, arXiv 2505.01423)."""
        weights = {f"{part.word}.weight": (0.0, math.inf) for part in LISTED}
        average = {"ema.decay": (0.0, 1.0), "ema.half_life": (1.0, math.inf)}
        return weights | average | {"augment.strength": (0.0, 1.0), "noise.std": (0.0, math.inf), GATE: (0.0, 1.0)}

    def measured_names(self) -> tuple[str, ...]:
        """A voice may follow the discriminator's advantage: ``{follow: advantage, relation: anti_phase, …}``."""
        return (ADVANTAGE,)

    def paced_by_steps(self) -> tuple[str, ...]:
        """Tasks share the steps."""
        return ("tasks",) if self.tasks is not None else ()

    @staticmethod
    def decay(values: Mapping[str, float]) -> float:
        """The average's decay by the values of the voices: of a half-life h it is 2^(−1/h)."""
        half_life = values.get("ema.half_life")
        return values.get("ema.decay", EMA_DECAY) if half_life is None else math.pow(0.5, 1 / half_life)

    @classmethod
    def brought_names(cls) -> Collection[str]:
        """Those of every listed technique, on either player."""
        return [f"{name}.{player}" for part in TECHNIQUES.listed.values() for name in part.voices for player in PLAYERS]

    def known_voices(self) -> Mapping[str, str]:
        """Also the weights of penalties of another package, and what techniques take."""
        brought = {f"{part.word}.weight": f"weight of the penalty {part.word}" for part in self.penalties}
        ridden = {name: spec.what for name, spec in self.techniques.specs().items()}
        return brought | ridden | dict(self.voice_names())

    @property
    def judged_shape(self) -> tuple[int, ...]:
        """The shape of what the discriminator takes as one sample."""
        return packed_shape(self.data.shape, self.packing)

    @property
    def classes(self) -> int:
        """How many classes both players are told of; 0 where they are told of none."""
        return (self.data.classes or 0) if self.conditional else 0

    def obstacle(self) -> str | None:
        """What of this configuration keeps a step from being captured, in a few words; None where nothing does."""
        following = [name for name, voice in self.parsed_voices().items() if isinstance(voice, Follower)]
        if following:
            return f"voices.{following[0]} follows what each step measures"
        if self.tasks is not None:
            return "tasks choose real samples on the host"
        if self.balance is not None:
            return "balance watches what each step measures"
        if players := self.techniques.each():
            return f"techniques.{next(iter(players))} act on the host at each step"
        if not self.optimizer.capturable:
            return f"optimizer {self.optimizer.name!r} cannot be captured"
        if self.capture == "auto" and (modules := self.own_modules()):
            return f"{modules[0]} is of another package, and what it does is only tried with capture: on"
        return None

    def weighed_penalties(self) -> dict[str, PenaltyPart]:
        """The penalties that a voice conducts, by their word."""
        return {part.word: part for part in self.penalties if f"{part.word}.weight" in self.voices}

    @model_validator(mode="after")
    def _fits_together(self) -> GanConfig:
        for player in PLAYERS:
            part: NetworkPart = getattr(self, player)
            try:
                part.check(self.data.shape)
            except ValueError as error:
                raise UserError(f"{player}.network: {error}") from None
        return self

    @model_validator(mode="after")
    def _can_be_learned_in_tasks(self) -> GanConfig:
        held = self.tasks.buffer_size if self.tasks else 0
        if self.tasks:
            check_length(self.tasks.number, self.steps)
        if GATE in self.voices and not held:
            raise UserError(
                f"voices.{GATE}: nothing is held to be replayed; tasks with a buffer_size above 0 are needed"
            )
        if held and GATE not in self.voices:
            raise UserError(f"tasks.buffer_size: {held} is not accepted without a voice {GATE}, such as 0.1; 0 is")
        return self

    @model_validator(mode="after")
    def _can_be_ridden_on(self) -> GanConfig:
        self.techniques.check(self.parsed_voices())
        return self

    @model_validator(mode="after")
    def _can_be_told_classes(self) -> GanConfig:
        if not self.conditional:
            return self
        if not self.data.classes:
            raise UserError(f"conditional: the samples of {self.data.name!r} have no classes; accepted is false")
        for player in PLAYERS:
            part: NetworkPart = getattr(self, player)
            if not part.conditional:
                raise UserError(f"{player}.network: {part.network!r} cannot be told classes, as conditional: true asks")
        if self.packing > 1:
            raise UserError(f"packing: {self.packing} is not accepted with conditional: true; 1 is")
        return self

    @model_validator(mode="after")
    def _can_be_played(self) -> GanConfig:
        for name in (name for name in self.voices if name.endswith(".weight")):
            if name.removesuffix(".weight") not in self.weighed_penalties():
                raise UserError(f"voices.{name}: no such penalty is among penalties")
        words = [part.word for part in self.penalties]
        for part in self.penalties:
            if words.count(part.word) > 1:
                raise UserError(f"penalties: {part.word!r} is named twice; each is accepted once")
            if part not in LISTED and part.word not in self.weighed_penalties():
                raise UserError(f"penalties: {part.word!r} has no weight; a voice {part.word}.weight gives it one")
        for name in (f"lr.{player}" for player in PLAYERS):
            voice = self.parsed_voices()[name]
            if isinstance(voice, Constant | Schedule) and voice.mean() < 0:
                raise UserError(f"voices.{name}: a mean of {voice.mean():g} leads uphill; one of 0 or more is accepted")
        if set(AVERAGE) <= self.voices.keys():
            raise UserError("voices.ema.half_life: it says what ema.decay says; one of both is accepted")
        if self.batch_size % self.packing:
            raise UserError(f"packing: {self.packing} does not divide batch_size {self.batch_size}")
        if self.updates == "extragradient" and self.discriminator_steps > 1:
            raise UserError("discriminator_steps: 1 is accepted with updates: extragradient, where both move at once")
        if self.updates != "alternating" and self.generator_steps > 1:
            raise UserError(f"generator_steps: 1 is accepted with updates: {self.updates}, where both move at once")
        if self.augment and len(self.data.shape) != 3:
            raise UserError(f"augment: it changes images, and samples of shape {list(self.data.shape)} are none")
        if "augment.strength" in self.voices and not self.augment:
            raise UserError("voices.augment.strength: augment names no augmentation for it, e.g. [color, translation]")
        if self.capture == "on" and (obstacle := self.obstacle()):
            raise UserError(f"capture: 'on' is not accepted, since {obstacle}; auto and off are")
        if self.balance is not None:
            try:
                self.balance.check(self.loss, isinstance(self.parsed_voices()["lr.generator"], Schedule))
            except ValueError as error:
                raise UserError(f"balance: {error}") from None
        return self

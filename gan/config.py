"""The GAN trainer's configuration: one typed model, documented where each field is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gan.data import DATA, DataPart
from gan.losses import LOSSES, LossPart, NonSaturating
from gan.networks import NETWORKS, NetworkPart
from lab.errors import UserError
from lab.training.config import Config, RunConfig

EMA_DECAY = 0.999
"""The generator's average where no voice `ema.decay` conducts it."""


class AdamConfig(Config):
    """Adam's own constants; the learning rates are voices."""

    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")


class GanConfig(RunConfig):
    """A GAN run: data, two networks, the game between them, and the voices that conduct it."""

    data: Annotated[DataPart, DATA] = Field(description="what to imitate")
    latent: int = Field(2, ge=1, le=65_536, description="dimensions of the standard normal the generator maps from")
    generator: Annotated[NetworkPart, NETWORKS] = Field(description="the generator's network")
    discriminator: Annotated[NetworkPart, NETWORKS] = Field(description="the discriminator's network")
    loss: Annotated[LossPart, LOSSES] = Field(NonSaturating(), description="what each player minimises")
    updates: Literal["alternating", "simultaneous"] = Field(
        "alternating", description="whether the generator answers the discriminator's new parameters or its old ones"
    )
    discriminator_steps: int = Field(1, ge=1, le=1000, description="discriminator updates for each generator update")
    batch_size: int = Field(256, ge=1, le=1_000_000, description="real samples, and as many generated, for each update")
    adam: AdamConfig = Field(default_factory=lambda: AdamConfig.model_validate({}), description="both optimisers")
    r1_every: int = Field(
        1,
        ge=1,
        description="steps between R1 penalties; each is multiplied by this number, so the mean pull is the same",
    )
    evaluation_samples: int = Field(
        2500, ge=2, le=10_000_000, description="generated samples that a score is computed from"
    )
    snapshot_every: int = Field(500, ge=1, description="steps between samples kept under snapshots/")
    snapshot_samples: int = Field(
        512, ge=1, le=1_000_000, description="samples kept each time, always from the same latent points"
    )

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The voices a GAN takes."""
        return {
            "lr.generator": "the generator's learning rate",
            "lr.discriminator": "the discriminator's learning rate",
            "r1.weight": "weight γ of the R1 penalty (γ/2)·E‖∇D‖² on real samples",
            "ema.decay": "decay of the generator's moving average",
        }

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """Left out, there is no penalty, and the average decays by ``EMA_DECAY``."""
        return ("r1.weight", "ema.decay")

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A learning rate may be any number, even a negative one (slingshot steps, arXiv 2505.01423)."""
        return {"r1.weight": (0.0, math.inf), "ema.decay": (0.0, 1.0)}

    @model_validator(mode="after")
    def _fits_together(self) -> GanConfig:
        for player in ("generator", "discriminator"):
            part: NetworkPart = getattr(self, player)
            try:
                part.check(self.data.shape)
            except ValueError as error:
                raise UserError(f"{player}.network: {error}") from None
        return self

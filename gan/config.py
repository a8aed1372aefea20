"""The GAN trainer's configuration: one typed model, documented where each field is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.errors import UserError
from lab.phase import Voice
from lab.training.config import Config, RunConfig

Shape = tuple[int, ...]
EMA_DECAY = 0.999
"""The generator's average where no voice `ema.decay` conducts it."""

RANGES = {"r1.weight": (0.0, math.inf), "ema.decay": (0.0, 1.0)}
"""What voices may be; a learning rate may even be negative (slingshot steps, arXiv 2505.01423)."""


class RingData(Config):
    """Gaussians evenly spaced on a circle; eight *distinct* modes by default."""

    name: Literal["ring"]
    modes: int = Field(8, ge=2, description="Gaussians on the circle, at angles 2πk/modes, k = 0 … modes−1")
    radius: float = Field(1.0, gt=0, description="radius of the circle of means")
    std: float = Field(0.02, gt=0, description="standard deviation of each Gaussian, per axis")

    @property
    def shape(self) -> Shape:
        """Shape of one sample."""
        return (2,)


class GridData(Config):
    """Gaussians on a square grid; 25 modes by default."""

    name: Literal["grid"]
    side: int = Field(5, ge=2, description="modes along each axis")
    spacing: float = Field(2.0, gt=0, description="distance between neighbouring means; 2 puts them on {−4, −2, …, 4}")
    std: float = Field(0.05, gt=0, description="standard deviation of each Gaussian, per axis")

    @property
    def shape(self) -> Shape:
        """Shape of one sample."""
        return (2,)


class SpiralData(Config):
    """Points along an Archimedean spiral that starts at the origin, with Gaussian noise across it."""

    name: Literal["spiral"]
    turns: float = Field(2.0, gt=0, description="revolutions of the spiral")
    radius: float = Field(1.0, gt=0, description="distance of its outer end from the origin")
    std: float = Field(0.02, gt=0, description="standard deviation of the noise, per axis")

    @property
    def shape(self) -> Shape:
        """Shape of one sample."""
        return (2,)


class DigitsData(Config):
    """scikit-learn's 1,797 handwritten digits, 8×8 grey; needs no network."""

    name: Literal["digits"]

    @property
    def shape(self) -> Shape:
        """Shape of one sample: channels, height, width."""
        return (1, 8, 8)


class MnistData(Config):
    """MNIST or Fashion-MNIST, 60,000 grey images of 28×28, from IDX files under the data directory."""

    name: Literal["mnist", "fashion-mnist"]

    @property
    def shape(self) -> Shape:
        """Shape of one sample: channels, height, width."""
        return (1, 28, 28)


class FolderData(Config):
    """Every image under a folder, cropped to a centred square and resized."""

    name: Literal["folder"]
    path: str = Field(min_length=1, description="the folder, searched with its subfolders")
    size: int = Field(64, ge=4, le=256, description="height and width after resizing, in pixels")
    channels: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")

    @property
    def shape(self) -> Shape:
        """Shape of one sample: channels, height, width."""
        return (self.channels, self.size, self.size)


Data = Annotated[
    RingData | GridData | SpiralData | DigitsData | MnistData | FolderData,
    Field(discriminator="name"),
]


class MlpConfig(Config):
    """Fully connected layers; for any data, meant for points in the plane."""

    network: Literal["mlp"]
    width: int = Field(128, ge=1, description="units of a hidden layer")
    depth: int = Field(2, ge=1, description="hidden layers")


class DcganConfig(Config):
    """Strided convolutions between the image and a 4…7-pixel base; for square images."""

    network: Literal["dcgan"]
    width: int = Field(32, ge=1, description="channels at the highest resolution; doubled at each halving")


Network = Annotated[MlpConfig | DcganConfig, Field(discriminator="network")]


class AdamConfig(Config):
    """Adam's own constants; the learning rates are voices."""

    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients")
    eps: float = Field(1e-8, gt=0, description="added to the denominator")


class GanConfig(RunConfig):
    """A GAN run: data, two networks, the game between them, and the voices that conduct it."""

    data: Data = Field(description="what to imitate")
    latent: int = Field(2, ge=1, description="dimensions of the standard normal the generator maps from")
    generator: Network = Field(description="the generator's network")
    discriminator: Network = Field(description="the discriminator's network")
    loss: Literal["non_saturating", "hinge"] = Field("non_saturating", description="see gan.losses")
    updates: Literal["alternating", "simultaneous"] = Field(
        "alternating", description="whether the generator answers the discriminator's new parameters or its old ones"
    )
    discriminator_steps: int = Field(1, ge=1, description="discriminator updates for each generator update")
    batch_size: int = Field(256, ge=1, description="real samples, and as many generated, for each update")
    adam: AdamConfig = Field(default_factory=lambda: AdamConfig.model_validate({}), description="both optimisers")
    r1_every: int = Field(
        1,
        ge=1,
        description="steps between R1 penalties; each is multiplied by this number, so the mean pull is the same",
    )
    evaluation_samples: int = Field(2500, ge=2, description="generated samples that a score is computed from")
    snapshot_every: int = Field(500, ge=1, description="steps between samples kept under snapshots/")
    snapshot_samples: int = Field(512, ge=1, description="samples kept each time, always from the same latent points")

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

    @model_validator(mode="after")
    def _voices_in_range(self) -> GanConfig:
        voices = self.parsed_voices()
        for name, (least, most) in RANGES.items():
            if isinstance(voice := voices.get(name), Voice):
                values = voice.table(self.steps)
                if values.min() < least or values.max() > most:
                    found = f"{values.min():g} to {values.max():g}"
                    raise UserError(f"voices.{name}: {found} is not accepted; {least:g} to {most:g} is")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> GanConfig:
        for player in ("generator", "discriminator"):
            if getattr(self, player).network == "dcgan":
                if len(self.data.shape) != 3:
                    raise UserError(
                        f"{player}.network: 'dcgan' draws images and {self.data.name!r} is points; use 'mlp'"
                    )
                image_base(self.data.shape[-1])
        return self


def image_base(size: int) -> tuple[int, int]:
    """Split an image's side into a base of 4 to 7 pixels and a number of doublings: ``size = base·2**doublings``.

    Raises:
        UserError: no such split exists, or it has no doubling.
    """
    base, doublings = size, 0
    while base > 7 and base % 2 == 0:
        base, doublings = base // 2, doublings + 1
    if not 4 <= base <= 7 or doublings == 0:
        raise UserError(f"image size {size}: a dcgan needs 4, 5, 6 or 7 doubled at least once, e.g. 8, 16, 28, 32, 64")
    return base, doublings

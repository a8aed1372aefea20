"""The region trainer's configuration: a GAN, and the cells of learning rates that it is trained at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from gan.config import PLAYERS, GanConfig
from lab.errors import UserError
from lab.phase import Constant, Schedule
from lab.phase.schedule import ConstantProduct
from lab.training.config import as_mapping, resolve
from lab.training.record import Config


@dataclass(frozen=True)
class Cell:
    """One cell: the unit of the generator's learning rate, and how many times as large the discriminator's is."""

    rate: float
    ratio: float

    @property
    def name(self) -> str:
        """In columns of the log: ``0.001x4``."""
        return f"{self.rate:g}x{self.ratio:g}"

    def scale(self) -> dict[str, float]:
        """What both players' voices are multiplied by."""
        return {"generator": self.rate, "discriminator": self.rate * self.ratio}


class Success(Config):
    """When a cell counts as trained: the averaged generator, in the mean over the last whole cycle."""

    modes: float = Field(7.5, ge=0, description="modes that it covers, at least")
    good: float = Field(0.7, ge=0, le=1, description="share of good samples, at least")


class Region(Config):
    """A grid of cells."""

    rates: tuple[float, ...] = Field(
        (1e-4, 3e-4, 1e-3, 3e-3, 1e-2), min_length=1, max_length=32, description="the generator's learning rates"
    )
    ratios: tuple[float, ...] = Field(
        (0.25, 1.0, 4.0, 8.0), min_length=1, max_length=32, description="the discriminator's rate over the generator's"
    )
    success: Success = Field(default_factory=lambda: Success.model_validate({}), description="when a cell is trained")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for field in ("rates", "ratios"):
            values = getattr(self, field)
            bad = [value for value in values if not 0 < value < math.inf]
            if bad or len(set(values)) < len(values):
                raise UserError(f"region.{field}: {list(values)} is not accepted; positive numbers, each once, are")
        return self

    def cells(self) -> list[Cell]:
        """Every cell, the ratios of one rate after those of another."""
        return [Cell(rate, ratio) for rate in self.rates for ratio in self.ratios]


class RegionConfig(GanConfig):
    """A GAN whose two learning rates are in units of a cell's, of mean 1 where means are to be equal, and the cells."""

    diagnostics: Literal[False] = Field(False, description="cells have no log of their own")
    region: Region = Field(default_factory=lambda: Region.model_validate({}), description="the cells")

    def of_member(self) -> GanConfig:
        """The configuration of each cell's GAN, learning rates still in units of its own."""
        return resolve(GanConfig, {key: value for key, value in as_mapping(self).items() if key != "region"})

    @model_validator(mode="after")
    def _rates_can_be_scaled(self) -> Self:
        voices = self.parsed_voices()
        for name in (f"lr.{player}" for player in PLAYERS):
            voice = voices[name]
            if isinstance(voice, Constant | Schedule | ConstantProduct) and abs(voice.mean()) == 0:
                raise UserError(f"voices.{name}: its mean is 0; a mean of about 1 is multiplied by each cell's rate")
        if self.precision != "float32":
            raise UserError(f"precision: {self.precision!r} is not accepted, as cells train in a stack; 'float32' is")
        if self.data.landmarks() is None:
            raise UserError(f"data: {self.data.name!r} has no modes to cover; a region is of mixtures such as the ring")
        return self

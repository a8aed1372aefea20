"""Typed configuration: the base model of every trainer, and how it is read, changed and complained about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda"]


class Config(BaseModel):
    """A frozen record that refuses unknown keys, NaN and booleans where numbers belong."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RunConfig(Config):
    """What every trainer's configuration has; a trainer adds its own fields by subclassing."""

    seed: int = Field(0, ge=0, description="the only source of randomness")
    steps: int = Field(ge=1, description="how long to train, in the trainer's own steps")
    device: Device = Field("auto", description="auto takes the GPU where there is one")
    clock: Mapping[str, Any] = Field(description="the master clock, e.g. {period: 1000}")
    voices: Mapping[str, Any] = Field(description="what the clock conducts: name -> number or schedule")
    log_every: int = Field(50, ge=1, description="steps between rows of training metrics")
    evaluate_every: int = Field(500, ge=1, description="steps between evaluations")
    checkpoint_every: int = Field(1000, ge=1, description="steps between checkpoints")

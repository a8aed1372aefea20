"""Sweeps in a study file: one quantity or two take each of their values in turn, and every combination is an arm."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from lab.training.config import Config

MOST_VALUES = 64
DIGITS = 4
"""Of a computed value: what a name of an arm shows is then what it is."""


class Line(Config):
    """What a setting is where the quantity has the value x: ``plus + times · x``."""

    plus: float = Field(0.0, description="what the setting is at 0")
    times: float = Field(1.0, description="by how much it changes with the quantity")


class Quantity(Config):
    """The values of a swept quantity, and the settings that follow it; a list in its place is its values."""

    values: list[float] = Field(
        default_factory=list, max_length=MOST_VALUES, description="the values; or low, high and points"
    )
    low: float | None = Field(None, description="the first of evenly spaced values")
    high: float | None = Field(None, description="the last of them")
    points: int | None = Field(None, ge=2, le=MOST_VALUES, description="how many")
    scale: Literal["linear", "log"] = Field("linear", description="whether differences or ratios are even")
    keys: Mapping[str, Line] = Field(
        default_factory=dict,
        description="the dotted keys that are set: a list, or key -> {plus, times}; the quantity's name if left out",
    )

    @field_validator("keys", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {key: {} for key in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _has_values(self) -> Quantity:
        ends = (self.low, self.high, self.points)
        if bool(self.values) == any(end is not None for end in ends) or (not self.values and None in ends):
            raise ValueError("a list of values, or low, high and points")
        found = self.all()
        if len(set(found)) != len(found) or len(found) < 2:
            raise ValueError(f"{found}: at least two different values are needed, each once")
        return self

    def all(self) -> list[float]:
        """The values, in their order; whole ones as integers, which every setting takes."""
        if self.values:
            found = self.values
        else:
            assert self.low is not None
            assert self.high is not None
            if self.scale == "log" and not 0 < self.low < self.high:
                raise ValueError(f"scale log: {self.low:g} to {self.high:g} must be positive and rise")
            space = np.geomspace if self.scale == "log" else np.linspace
            found = [float(f"{value:.{DIGITS}g}") for value in space(self.low, self.high, self.points or 2)]
        return [_whole(value) for value in found]

    def changes(self, name: str, value: float) -> dict[str, float]:
        """The settings where the quantity, called ``name``, has this value."""
        lines = self.keys or {name: Line()}
        found = {key: line.plus + line.times * value for key, line in lines.items()}
        return {key: _whole(float(f"{setting:.12g}")) for key, setting in found.items()}


class Halving(Config):
    """Successive halving (Jamieson & Talwalkar 2016; Li et al. 2018): of all arms, the best go on for longer.

    With the factor η and k rungs, all n arms are trained for steps/η^(k−1) steps; the best ⌈n/η⌉ of them go on to η
    times as many, and so on; the last ones are trained to the end. Every rung costs about as much as the first.
    """

    factor: int = Field(3, ge=2, le=16, description="one of so many goes on, for so many times the steps")
    rungs: int = Field(3, ge=2, le=10, description="how many budgets there are, the study's steps being the last")

    def budgets(self, steps: int) -> list[int]:
        """The steps of each rung, those of a whole run last.

        Raises:
            ValueError: they are no whole numbers of steps.
        """
        parts = [self.factor**place for place in reversed(range(self.rungs))]
        if steps % parts[0]:
            raise ValueError(f"steps ({steps}) is no multiple of {parts[0]}, factor to the power of rungs − 1")
        return [steps // part for part in parts]

    def kept(self, arms: int) -> list[int]:
        """How many arms are trained in each rung."""
        found = [arms]
        for _ in range(self.rungs - 1):
            found.append(-(-found[-1] // self.factor))
        return found


def arms_of(sweep: Mapping[str, Quantity]) -> dict[str, dict[str, float]]:
    """An arm for each combination of values, the first quantity changing slowest."""
    short = short_names(sweep)
    found = {}
    for values in product(*(quantity.all() for quantity in sweep.values())):
        pairs = list(zip(sweep.items(), values, strict=True))
        name = "_".join(f"{short[key]}-{_text(value)}" for (key, _), value in pairs)
        if name in found:
            raise ValueError(f"two combinations are called {name!r}; values that differ in 12 digits are accepted")
        changes = [quantity.changes(key, value) for (key, quantity), value in pairs]
        found[name] = {field: value for each in changes for field, value in each.items()}
        if len(found[name]) < sum(map(len, changes)):
            twice = next(field for each in changes for field in each if sum(field in other for other in changes) > 1)
            raise ValueError(f"{twice} is set by two quantities; one of them is accepted")
    return found


def short_names(sweep: Mapping[str, Quantity]) -> dict[str, str]:
    """The last part of each dotted name, or as many as tell it from the others."""
    parts = {key: key.split(".") for key in sweep}
    for size in range(1, max(map(len, parts.values())) + 1):
        found = {key: ".".join(of[-size:]) for key, of in parts.items()}
        if len(set(found.values())) == len(found):
            return found
    return {key: key for key in sweep}


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _text(value: float) -> str:
    return f"{value:.12g}".replace("+", "")

"""Published scores that a study's arms are held against: what somebody else measured with the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from lab.studies.statistics import Interval
from lab.training.config import Config


class Reference(Config):
    """What was published of one arm."""

    score: float = Field(description="its mean")
    deviation: float = Field(0.0, ge=0, description="its standard deviation, of whatever the source took it")


class References(Config):
    """Published scores, in the study's metric."""

    source: str = Field(min_length=1, description="where they stand, and what their deviations are of")
    scores: Mapping[str, Reference] = Field(min_length=1, description="arm -> {score, deviation}")


@dataclass(frozen=True)
class Held:
    """One arm against what was published of it.

    Attributes:
        reached: whether its mean is at least as good as the published score less its deviation; *unclear* where only
            the better end of the mean's interval is.
    """

    score: float
    deviation: float
    reached: Literal["yes", "unclear", "no"]


def hold(reference: Reference, mean: float, interval: Interval, direction: Literal["higher", "lower"]) -> Held:
    """Hold an arm's mean and its interval against a published score."""
    sign = 1 if direction == "higher" else -1
    least = sign * reference.score - reference.deviation
    better_end = interval.high if sign > 0 else -interval.low
    reached: Literal["yes", "unclear", "no"] = "unclear" if better_end >= least else "no"
    return Held(reference.score, reference.deviation, "yes" if sign * mean >= least else reached)

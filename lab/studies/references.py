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
        reached: whether the better end of its interval is at least as good as the published score less its deviation.
    """

    score: float
    deviation: float
    reached: bool


def hold(reference: Reference, interval: Interval, direction: Literal["higher", "lower"]) -> Held:
    """Hold the interval of an arm's mean against a published score."""
    if direction == "higher":
        reached = interval.high >= reference.score - reference.deviation
    else:
        reached = interval.low <= reference.score + reference.deviation
    return Held(reference.score, reference.deviation, reached)

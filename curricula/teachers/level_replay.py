"""Prioritised level replay: levels that still surprise come back, and none is left alone for long.

Jiang, Grefenstette and Rocktäschel, "Prioritized Level Replay" (ICML 2021, arXiv 2010.03934). A level that was played
before is replayed with probability

    P(i) = (1 − ρ)·P_S(i) + ρ·P_C(i)
    P_S(i) ∝ (1/rank(S_i))^(1/β)        the level of the highest score S has rank 1
    P_C(i) ∝ c − C_i                    c episodes have been played of all levels, level i's last was the C_i-th

and a level that was never played is tried with a probability of their share among the levels (the paper's proportionate
schedule). β = 0.1 and ρ = 0.1 are the paper's.

Two things differ. The levels are difficulties on a grid, not seeds. And the paper scores a level by the mean L1 loss of
the value function over an episode's steps; here only episodes are known, so the stand-in is |return − m|, where m is
the running mean of the level's returns (of all returns, for a level that was never played).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes, Measure
from lab.errors import UserError


@dataclass
class LevelReplay:
    """Replay the levels of the largest surprise.

    Attributes:
        levels: how many difficulties, equally spaced from 0 to 1, ≥ 2.
        temperature: β, > 0; the smaller, the more the first ranks count.
        staleness: ρ, the share of draws by how long ago a level was played.
        rate: how fast a level's running mean follows its returns, in (0, 1]; at 1 it is the last return.
        measure: what counts as return.
    """

    levels: int = 11
    temperature: float = 0.1
    staleness: float = 0.1
    rate: float = 0.2
    measure: Measure = "return"
    scores: list[float] = field(init=False)
    means: list[float] = field(init=False)
    last: list[int] = field(init=False)
    count: int = field(default=0, init=False)
    mean: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Check the settings and begin without any level played."""
        whole("levels", self.levels, 2)
        for name in ("staleness", "rate"):
            number(name, getattr(self, name), 0.0, 1.0)
        if number("temperature", self.temperature) <= 0:
            raise UserError(f"temperature is {self.temperature}; accepted: a number above 0")
        if self.rate == 0:
            raise UserError("rate is 0; accepted: a number in (0, 1]")
        self.scores, self.means, self.last = [0.0] * self.levels, [0.0] * self.levels, [0] * self.levels

    def probabilities(self) -> FloatArray:
        """How likely each level is, float64[levels]."""
        last = np.array(self.last)
        seen = last > 0
        share = float(seen.mean())
        chance = np.where(seen, 0.0, 1.0 / self.levels)
        if share:
            replay = replay_distribution(
                np.array(self.scores)[seen], self.count - last[seen], self.temperature, self.staleness
            )
            chance[seen] = share * replay
        return chance

    @property
    def level(self) -> float:
        """The mean difficulty of a draw."""
        mean = float(self.probabilities() @ np.linspace(0.0, 1.0, self.levels))
        return min(max(mean, 0.0), 1.0)

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n independent draws of a level."""
        chance = self.probabilities()
        return np.linspace(0.0, 1.0, self.levels)[rng.choice(self.levels, size=n, p=chance / chance.sum())]

    def update(self, results: Episodes) -> None:
        """Score the episodes one by one, each at the nearest level."""
        nearest = np.rint(results.difficulty * (self.levels - 1)).astype(int).tolist()
        for index, score in zip(nearest, results.scores(self.measure).tolist(), strict=True):
            expected = self.means[index] if self.last[index] else (self.mean if self.count else score)
            self.scores[index] = abs(score - expected)
            self.means[index] = expected + self.rate * (score - expected) if self.last[index] else score
            self.count += 1
            self.mean += (score - self.mean) / self.count
            self.last[index] = self.count

    def state_dict(self) -> dict[str, Any]:
        """Score, running mean and last episode (from 1; 0 if never played) of each level; their number and mean."""
        return {
            "scores": list(self.scores),
            "means": list(self.means),
            "last": list(self.last),
            "count": self.count,
            "mean": self.mean,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the scores of each level."""
        self.scores, self.means = list(map(float, state["scores"])), list(map(float, state["means"]))
        self.last, self.count, self.mean = list(map(int, state["last"])), int(state["count"]), float(state["mean"])


def replay_distribution(scores: FloatArray, age: Any, temperature: float, staleness: float) -> FloatArray:
    """The paper's P over the k ≥ 1 levels that were played, float64[k]; levels of equal scores share the better rank.

    Args:
        scores: S, float64[k].
        age: c − C, episodes since each was last played, int64[k].
        temperature: β.
        staleness: ρ.
    """
    rank = 1 + (scores[None, :] > scores[:, None]).sum(axis=1)
    by_score: FloatArray = (1.0 / rank) ** (1.0 / temperature)
    by_score /= by_score.sum()
    total = float(age.sum())
    if total > 0:
        by_score = (1.0 - staleness) * by_score + staleness * age / total
    return by_score


class LevelReplayCurriculum(TeacherConfig):
    """Prioritised level replay over a grid of difficulties."""

    kind: Literal["level_replay"]
    levels: int = Field(11, ge=2, le=1000, description="difficulties, equally spaced from 0 to 1")
    temperature: float = Field(0.1, gt=0.0, le=100.0, description="the smaller, the more the first ranks count")
    staleness: Level = Field(0.1, description="the share of draws by how long ago a level was played")
    rate: float = Field(0.2, gt=0.0, le=1.0, description="how fast a level's expected return follows its returns")
    measure: Measure = Field("return", description="what an episode counts: its return, or 1 for a success")

    def build(self) -> LevelReplay:
        """A teacher that has seen no level yet."""
        return LevelReplay(**self.settings())

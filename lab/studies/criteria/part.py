"""What a criterion is to a study: a number for an arm, an interval, a paired test, and the seeds that it would need."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lab.studies.power import MOST_SEEDS
from lab.studies.statistics import Interval, PairedTest
from lab.training.parts import Part

Direction: TypeAlias = Literal["higher", "lower"]
Floats: TypeAlias = NDArray[np.float64]


class Criterion(Part):
    """How the scores of an arm's seeds become one number, and how two arms are compared by it.

    Scores come as float64[seeds]; ``direction`` says which of them are better.
    """

    name: str
    test: ClassVar[str]
    """The paired test in words."""
    most_seeds: ClassVar[int] = MOST_SEEDS
    """Up to how many :meth:`seeds_needed` looks."""

    @property
    def counts_failures(self) -> bool:
        """Whether a trial that failed is handed on, as NaN; otherwise it is left out."""
        return False

    def words(self, metric: str, direction: Direction) -> str:
        """What the number is, for readers: "mean good"."""
        raise NotImplementedError

    def better(self, direction: Direction) -> Direction:
        """Which values of the number are better, where the scores' direction is ``direction``."""
        return direction

    def of(self, scores: Floats, direction: Direction) -> float:
        """The number of one arm, of at least one score."""
        raise NotImplementedError

    def interval(self, scores: Floats, direction: Direction, confidence: float, rng: np.random.Generator) -> Interval:
        """A confidence interval of the number of one arm."""
        raise NotImplementedError

    def compare(
        self, treatment: Floats, control: Floats, direction: Direction, confidence: float, rng: np.random.Generator
    ) -> PairedTest:
        """The paired, one-sided test that the treatment is better; scores are paired by position."""
        raise NotImplementedError

    def seeds_needed(
        self, treatment: Floats, control: Floats, direction: Direction, alpha: float, rng: np.random.Generator
    ) -> float:
        """Seeds that would show what these pairs measured, with 80 % power at the one-sided level ``alpha``.

        Returns:
            A whole number; infinity where it would be more than :attr:`most_seeds`; NaN where the treatment was
            measured to be no better.
        """
        raise NotImplementedError

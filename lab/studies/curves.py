"""Phase responses of different scores in one unit: what a score scatters from seed to seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.studies.comparison import stream
from lab.studies.finding import Asked, Finding
from lab.studies.statistics import bootstrap_interval
from lab.studies.summary import matters, whole_seeds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One phase response, up is better.

    Each seed's own level is taken off its scores, as the test does; what is left is divided by its standard deviation
    over seeds, pooled over the offsets.

    Attributes:
        name: of the study.
        metric: the score.
        offsets: float64[n], in cycles.
        means: over the seeds, float64[n].
        intervals: of the means by the bootstrap, float64[n, 2]; NaN for a single seed.
        amplitude: of the fitted first harmonic.
        phase, phase_interval: where it is best, in cycles; no interval where every phase is compatible with the data.
        p: of the amplitude.
        supported: whether the phase was shown to matter.
        expected: the best phase that the claim has in mind.
    """

    name: str
    metric: str
    offsets: Floats
    means: Floats
    intervals: Floats
    amplitude: float
    phase: float
    phase_interval: tuple[float, float] | None
    p: float
    supported: bool
    expected: float | None


def curves(findings: Sequence[Finding]) -> list[Curve]:
    """The phase responses that the claims name and that were run, each once."""
    expected = {f.response.name: f.claim.expects for f in reversed(findings) if f.response}
    asked = {f.response.name: f.response for f in findings if f.response}
    found = [_curve(of, expected[name]) for name, of in asked.items()]
    return [curve for curve in found if curve is not None]


def _curve(asked: Asked, expected: float | None) -> Curve | None:
    study, response = asked.study, asked.response
    if study is None or response is None:
        return None
    scores = np.array(whole_seeds(study, asked.trials)) * (1 if study.direction == "higher" else -1)
    scores -= scores.mean(axis=1, keepdims=True)
    spread = seed_spread(scores)
    scores /= spread
    ends = [
        bootstrap_interval(column, confidence=1 - study.alpha, rng=stream(study, f"{arm}/curve"))
        for arm, column in zip(study.arms, scores.T, strict=True)
    ]
    return Curve(
        name=asked.name,
        metric=study.metric,
        offsets=response.offsets,
        means=scores.mean(axis=0),
        intervals=np.array(ends),
        amplitude=response.amplitude / spread,
        phase=response.phase,
        phase_interval=response.phase_interval,
        p=response.p,
        supported=matters(study, response),
        expected=expected,
    )


def seed_spread(scores: Floats) -> float:
    """The standard deviation over seeds, pooled over offsets; 1 where there is none.

    Args:
        scores: float64[seeds, offsets].
    """
    if len(scores) < 2:
        return 1.0
    return math.sqrt(float(scores.var(axis=0, ddof=1).mean())) or 1.0

"""From finished trials to a verdict: what each arm scored, what the comparisons found, and the rule that decides.

The rule, for every comparison of a treatment with a control over the n seeds that both finished:

- *supported*: the one-sided sign-flip test in the stated direction has a Holm-adjusted p below alpha.
- *not supported*: there were enough pairs for an answer (comparisons / 2^n < alpha), and the interval of the mean
  paired difference, at confidence 1 - alpha, holds no improvement: its better end is zero or worse.
- *unclear*: everything else; above all a study whose n could not have reached alpha however large the effect.

The verdict of the study is that of its first comparison. That of a phase-response study is *supported* where the
permutation test of :mod:`lab.studies.response` has a p below alpha, otherwise *unclear*: one test, nothing to correct.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from lab.studies.model import Study
from lab.studies.response import Response, respond
from lab.studies.statistics import Interval, bootstrap_interval, holm, iqm, paired_permutation_test, smallest_p

Verdict = Literal["supported", "not supported", "unclear"]
Status = Literal["finished", "failed", "missing"]


@dataclass(frozen=True)
class TrialResult:
    """One line of trials.csv: how a trial ended, and its scores if it finished."""

    arm: str
    seed: int
    status: Status
    error: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """One score of one arm over its finished seeds; interval ends are those of the mean and of the IQM."""

    n: int
    mean: float
    mean_interval: Interval
    iqm: float
    iqm_interval: Interval
    values: Mapping[int, float]
    """Seed -> score."""


@dataclass(frozen=True)
class Comparison:
    """A treatment against a control on the study's metric; positive ``improvement`` is in the stated direction."""

    treatment: str
    control: str
    pairs: int
    seeds: Sequence[int]
    difference: float
    """Mean of treatment − control, in the metric's own sign."""
    interval: Interval
    p: float
    p_holm: float
    smallest_p: float
    """The smallest Holm-adjusted p that this many pairs and comparisons can show."""
    exact: bool
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Summary:
    """All that a study found; ``to_json`` is the content of summary.json."""

    study: Study
    arms: Mapping[str, Mapping[str, Column]]
    """Arm -> score column -> what it scored."""
    comparisons: Sequence[Comparison]
    trials: Sequence[TrialResult]
    response: Response | None = None
    """Of a phase-response study with a seed that has every offset."""

    @property
    def verdict(self) -> Verdict | None:
        """That of the first comparison, or of the response; None for a study that compares nothing."""
        if self.study.response is not None:
            return "supported" if self.response and self.response.p < self.study.alpha else "unclear"
        return self.comparisons[0].verdict if self.comparisons else None

    @property
    def failed(self) -> list[TrialResult]:
        """The trials that ended without a score."""
        return [trial for trial in self.trials if trial.status != "finished"]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; numbers that do not exist are null."""
        study = self.study
        data = {
            "name": study.name,
            "title": study.heading,
            "hypothesis": study.hypothesis,
            "trainer": study.trainer,
            "preset": study.preset,
            "metric": study.metric,
            "direction": study.direction,
            "alpha": study.alpha,
            "seeds": study.seeds,
            "verdict": self.verdict,
            "arms": {
                arm: {name: asdict(column) for name, column in columns.items()} for arm, columns in self.arms.items()
            },
            "comparisons": [asdict(c) for c in self.comparisons],
            **self._response_json(),
            "trials": {
                "finished": len(self.trials) - len(self.failed),
                "planned": len(study.arms) * len(study.seeds),
                "failed": [{"arm": t.arm, "seed": t.seed, "status": t.status, "error": t.error} for t in self.failed],
            },
        }
        cleaned: dict[str, Any] = _finite(data)
        return cleaned

    def _response_json(self) -> dict[str, Any]:
        if self.study.response is None or self.response is None:
            return {}
        found = asdict(self.response)
        lists = {name: found[name].tolist() for name in ("offsets", "means")}
        return {"response": {"voice": self.study.response.voice, **found, **lists}}


def summarise(study: Study, trials: Sequence[TrialResult]) -> Summary:
    """Describe every arm and judge every comparison. The same study and trials always give the same numbers."""
    arms = {
        arm: {
            name: column
            for name in study.shown
            if (column := _column(_scores(trials, arm, name), study, f"{arm}/{name}")) is not None
        }
        for arm in study.arms
    }
    tested = [(pair, *_test(study, trials, *pair)) for pair in study.compare]
    adjusted = holm([test.p if test else 1.0 for _, _, test in tested])
    comparisons = []
    for ((treatment, control), seeds, test), p_holm in zip(tested, adjusted, strict=True):
        reachable = smallest_p(len(seeds), len(tested))
        difference, interval = (test.effect, test.interval) if test else (math.nan, Interval(math.nan, math.nan))
        verdict, reason = judge(study, len(seeds), reachable, difference, interval, p_holm)
        comparisons.append(
            Comparison(
                treatment=treatment,
                control=control,
                pairs=len(seeds),
                seeds=seeds,
                difference=difference,
                interval=interval,
                p=test.p if test else 1.0,
                p_holm=p_holm,
                smallest_p=reachable,
                exact=test.exact if test else True,
                verdict=verdict,
                reason=reason,
            )
        )
    return Summary(study, arms, comparisons, trials, _response(study, trials))


def _response(study: Study, trials: Sequence[TrialResult]) -> Response | None:
    """The phase-response curve over the seeds that finished at every offset."""
    if study.response is None:
        return None
    scores = [_scores(trials, arm, study.metric) for arm in study.arms]
    seeds = [seed for seed in study.seeds if all(seed in of for of in scores)]
    if not seeds:
        return None
    table = [[of[seed] for of in scores] for seed in seeds]
    return respond(table, higher=study.direction == "higher", alpha=study.alpha, rng=_rng(study, "response"))


def judge(
    study: Study, pairs: int, reachable: float, difference: float, interval: Interval, p_holm: float
) -> tuple[Verdict, str]:
    """The rule of this module's docstring, and the reason in words."""
    if pairs == 0:
        return "unclear", "no seed finished in both arms"
    sign = 1 if study.direction == "higher" else -1
    if reachable >= study.alpha:
        few = "1 pair" if pairs == 1 else f"{pairs} pairs"
        return "unclear", f"{few} cannot decide: the smallest p possible is {reachable:.2g}, alpha is {study.alpha:g}"
    if p_holm < study.alpha and sign * difference > 0:
        return "supported", f"p = {p_holm:.2g} after Holm's correction, below {study.alpha:g}"
    best = interval.high if sign > 0 else -interval.low
    if best <= 0:
        return "not supported", f"the {1 - study.alpha:.0%} interval of the difference holds no improvement"
    return "unclear", f"p = {p_holm:.2g} after Holm's correction, and the interval does not rule an improvement out"


def _scores(trials: Sequence[TrialResult], arm: str, name: str) -> dict[int, float]:
    return {
        t.seed: t.scores[name]
        for t in trials
        if t.arm == arm and t.status == "finished" and math.isfinite(t.scores.get(name, math.nan))
    }


def _column(values: Mapping[int, float], study: Study, key: str) -> Column | None:
    if not values:
        return None
    x = list(values.values())
    confidence = 1 - study.alpha
    return Column(
        n=len(x),
        mean=float(np.mean(x)),
        mean_interval=bootstrap_interval(x, np.mean, confidence=confidence, rng=_rng(study, f"{key}/mean")),
        iqm=iqm(x),
        iqm_interval=bootstrap_interval(x, iqm, confidence=confidence, rng=_rng(study, f"{key}/iqm")),
        values=values,
    )


def _test(study: Study, trials: Sequence[TrialResult], treatment: str, control: str) -> tuple[list[int], Any]:
    a, b = _scores(trials, treatment, study.metric), _scores(trials, control, study.metric)
    seeds = [seed for seed in study.seeds if seed in a and seed in b]
    if not seeds:
        return seeds, None
    return seeds, paired_permutation_test(
        [a[s] for s in seeds],
        [b[s] for s in seeds],
        "greater" if study.direction == "higher" else "less",
        rng=_rng(study, f"{treatment}-{control}"),
        confidence=1 - study.alpha,
    )


def _rng(study: Study, key: str) -> np.random.Generator:
    # Each number has its own stream named by what it is of, so that a further arm or column changes no other number.
    return np.random.default_rng(list(f"{study.name}/{study.metric}/{key}".encode()))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

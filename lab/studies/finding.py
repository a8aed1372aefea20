"""What became of a claim: its verdict, effect and interval, computed from the trials that ``results/`` holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lab.errors import UserError
from lab.reports.words import cycle
from lab.studies.claims import Claim
from lab.studies.comparison import Comparison, Verdict, comparisons, stream
from lab.studies.criteria import MeanScore
from lab.studies.model import SHIPPED, Study, load_study
from lab.studies.power import detectable_effect
from lab.studies.response import Response
from lab.studies.result import TrialResult, counted, with_failures
from lab.studies.statistics import Interval, improvement_interval, paired_effect_size
from lab.studies.store import Store
from lab.studies.summary import late_seeds, response_of, response_verdict, uneven

State = Verdict | Literal["unfinished", "not run", "not stated"]
"""A verdict, or why there is none: some trials are missing, all are, or there is no study file."""


@dataclass(frozen=True)
class Asked:
    """A study that a claim names, as far as it has come.

    Attributes:
        name: of the study.
        study: as it was recorded with its results, else as it is shipped; None where it is not written yet.
        trials: what ``trials.csv`` holds; nothing before the first trial has ended.
        directory: where its results lie, or would.
    """

    name: str
    study: Study | None
    trials: Sequence[TrialResult]
    directory: Path

    @property
    def gap(self) -> Literal["unfinished", "not run", "not stated"] | None:
        """What is missing of it; None where it was run to its end."""
        if self.study is None:
            return "not stated"
        if not self.trials:
            return "not run"
        ended = {(trial.arm, trial.seed) for trial in self.trials if trial.status != "missing"}
        planned = {(arm, seed) for arm in self.study.arms for seed in self.study.seeds}
        return "unfinished" if planned - ended else None

    @property
    def late(self) -> str:
        """What is to be said of seeds that are not those stated before its first results; nothing where all are."""
        return "" if self.study is None else late_seeds(self.study).sentence()

    @property
    def written(self) -> bool:
        """Whether there is a page about it; one that still runs, or was killed, has none."""
        return (self.directory / "summary.md").is_file()

    @cached_property
    def response(self) -> Response | None:
        """Its phase response; None where it is none, or no seed has every offset."""
        return None if self.study is None or self.gap else response_of(self.study, self.trials)

    @cached_property
    def comparisons(self) -> Sequence[Comparison]:
        """Its comparisons, judged together."""
        return [] if self.study is None or self.gap else comparisons(self.study, self.trials)


@dataclass(frozen=True)
class Effect:
    """How much it makes: of a comparison treatment − control, of a response what lies between trough and peak.

    Attributes:
        size, interval: in units of the score, in its own sign.
        of: what it is of, in words.
        direction: which of its values are better; None for a swing, which is never negative.
        p: of the claim's test, after Holm's correction over the study's comparisons.
        seeds: how many count.
        better: probability that a run of the treatment beats one of the control, with its bootstrap interval; None of
            a response.
        standardised: the mean paired difference over its standard deviation, positive where the treatment is better;
            None of what is not judged by the mean.
        detectable: how much of that so many pairs would have shown with 80 % power, at Holm's strictest level; None
            where so few can show nothing.
    """

    size: float
    interval: Interval
    of: str
    direction: Literal["higher", "lower"] | None
    p: float
    seeds: int
    better: tuple[float, Interval] | None = None
    standardised: float | None = None
    detectable: float | None = None

    @classmethod
    def none(cls) -> Effect:
        """The effect of what was not run."""
        nothing = Interval(math.nan, math.nan)
        return cls(math.nan, nothing, "", None, math.nan, 0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; numbers that do not exist are null."""
        return {
            "effect": _number(self.size),
            "interval": _ends(self.interval),
            "effect_of": self.of or None,
            "better_is": self.direction,
            "p": _number(self.p),
            "seeds": self.seeds,
            "probability_of_improvement": _number(self.better[0]) if self.better else None,
            "probability_interval": _ends(self.better[1]) if self.better else None,
            "standardised_effect": _number(self.standardised),
            "detectable_effect": _number(self.detectable),
        }


@dataclass(frozen=True)
class Finding:
    """A claim and what its studies found."""

    claim: Claim
    asked: Asked
    response: Asked | None
    """The study of the best phase."""
    state: State
    reason: str
    effect: Effect | None

    @property
    def curve(self) -> Response | None:
        """The phase response, once it was run."""
        return self.response.response if self.response else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; numbers that do not exist are null."""
        return {
            "name": self.claim.name,
            "statement": self.claim.statement,
            "verdict": self.state,
            "reason": self.reason,
            **(self.effect or Effect.none()).to_json(),
            "study": self.asked.name,
            "comparison": self.claim.compare,
            "best_phase": self._phase_json(),
        }

    def _phase_json(self) -> dict[str, Any] | None:
        curve, of = self.curve, self.response
        if curve is None or of is None or of.study is None:
            return None
        return {
            "study": of.name,
            "verdict": response_verdict(of.study, curve, of.trials),
            "p": curve.p,
            "phase": curve.phase,
            "interval": _ends(curve.phase_interval),
            "expected": self.claim.expects,
        }


def look_up(name: str, results: Path) -> Asked:
    """A study by its name: what was recorded in ``results``, else what is shipped and not run."""
    directory, shipped = results / name, SHIPPED / f"{name}.yaml"
    recorded = directory / "study.yaml"
    trials = Store(directory).trials() if recorded.is_file() else []
    path = recorded if trials else shipped
    return Asked(name, load_study(path) if path.is_file() else None, trials, directory)


def find_out(claims: Sequence[Claim], results: Path) -> list[Finding]:
    """What became of each claim. A study that several of them name is read and judged once.

    Raises:
        UserError: a study is not as its claim says: it has no such comparison, or is not of a phase response.
    """
    names = {name for claim in claims for name in (claim.study, claim.response) if name}
    known = {name: look_up(name, results) for name in names}
    return [judge_claim(c, known[c.study], known[c.response] if c.response else None) for c in claims]


def judge_claim(claim: Claim, asked: Asked, response: Asked | None) -> Finding:
    """The finding of one claim from its studies."""
    if response is not None and response.study is not None and response.study.response is None:
        raise UserError(
            f"claim {claim.name}: response: {response.name} slides no voice; a phase-response study is needed"
        )
    if asked.study is None:
        return Finding(claim, asked, response, "not stated", "no study file states it yet", None)
    if asked.study.response is not None:
        return _of_response(claim, asked, asked.study, response)
    pair = _pair(claim, asked.study)
    if asked.gap:
        return Finding(claim, asked, response, asked.gap, f"lab study {asked.name} finds out", None)
    found = next(c for c in asked.comparisons if (c.treatment, c.control) == pair)
    effect = _effect(asked.study, asked.trials, found)
    return Finding(claim, asked, response, found.verdict, _with_late(found.reason, asked), effect)


def _pair(claim: Claim, study: Study) -> tuple[str, str]:
    """The comparison of a study that is the claim."""
    if claim.compare is None and not study.compare:
        raise UserError(f"claim {claim.name}: study: {study.name} compares nothing; a study with a verdict is needed")
    treatment, control = claim.compare or study.compare[0]
    if [treatment, control] not in study.compare:
        known = "; ".join(f"[{a}, {b}]" for a, b in study.compare)
        raise UserError(f"claim {claim.name}: compare: {study.name} has no [{treatment}, {control}]; it has {known}")
    return treatment, control


def _of_response(claim: Claim, asked: Asked, study: Study, response: Asked | None) -> Finding:
    """The finding of a claim that the phase matters: its effect is what lies between the harmonic's trough and peak."""
    if claim.compare is not None:
        raise UserError(f"claim {claim.name}: compare: {study.name} slides a voice and compares nothing; leave it out")
    if asked.gap:
        return Finding(claim, asked, response, asked.gap, f"lab study {asked.name} finds out", None)
    found = asked.response
    if found is None:
        return Finding(claim, asked, response, "unclear", "no seed has a score at every offset", None)
    low, high = found.amplitude_interval
    effect = Effect(
        size=2 * found.amplitude,
        interval=Interval(2 * low, 2 * high),
        of=f"{study.metric} from trough to peak",
        direction=None,
        p=found.p,
        seeds=found.seeds,
    )
    side = "below" if found.p < study.alpha else "not below"
    reason = f"p = {found.p:.2g} of the first harmonic, {side} {study.alpha:g}"
    if study.response is not None and study.response.expects is not None and found.p < study.alpha:
        reason += f"; best at {cycle(found.phase)} of a cycle, {cycle(study.response.expects)} was expected"
    if wrong := uneven(study, asked.trials):
        reason += f"; but {wrong}"
    verdict = response_verdict(study, found, asked.trials)
    return Finding(claim, asked, response, verdict, _with_late(reason, asked), effect)


def _with_late(reason: str, asked: Asked) -> str:
    """The reason, and what is to be said of seeds that were added or dropped after results had been seen."""
    return reason if not asked.late else f"{reason}. {asked.late.removesuffix('.')}"


def _effect(study: Study, trials: Sequence[TrialResult], found: Comparison) -> Effect:
    by_seed = [counted(study, trials, arm) for arm in (found.treatment, found.control)]
    a, b = (np.array([scores[seed] for seed in found.seeds]) for scores in by_seed)
    better = standardised = detectable = None
    if found.pairs:
        rng = stream(study, f"{found.treatment}-{found.control}/better")
        runs = [with_failures(study, trials, arm) for arm in (found.treatment, found.control)]
        interval = improvement_interval(runs[0], runs[1], study.direction, confidence=1 - study.alpha, rng=rng)
        better = (found.better, interval)
    if found.pairs and isinstance(study.criterion, MeanScore):
        standardised = paired_effect_size(a, b) * (1 if study.direction == "higher" else -1)
        if found.smallest_p < study.alpha:
            detectable = detectable_effect(found.pairs, study.alpha / len(study.compare))
    return Effect(
        size=found.difference,
        interval=found.interval,
        of=study.judged_by,
        direction=study.criterion.better(study.direction),
        p=found.p_holm,
        seeds=found.pairs,
        better=better,
        standardised=standardised,
        detectable=detectable,
    )


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _ends(interval: Sequence[float] | None) -> list[float] | None:
    return [float(end) for end in interval] if interval is not None and all(map(math.isfinite, interval)) else None

"""From finished trials to a summary: what each arm scored, what the comparisons found, and the verdict.

The verdict of the study is that of its first comparison (:mod:`lab.studies.comparison` has the rule). That of a
phase-response study is *supported* where the permutation test of :mod:`lab.studies.response` has a p below alpha,
otherwise *unclear*: one test, nothing to correct. Where the phase matters and the hypothesis expects a best one, it is
*supported* if the whole interval of the best one lies within an eighth of a cycle of it, *not supported* if that stays
more than a sixteenth away, and *unclear* in between. That of a sweep is *supported* or *unclear* by the permutation
test of :mod:`lab.studies.swept`; a halved sweep has none, as its arms were chosen by the scores that it would be of.
Curve and sweep are of the seeds that finished in every arm: where arms failed at different numbers of seeds, these
flatter the arms that fail, and both are *unclear*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lab.studies.comparison import Comparison, Verdict, comparisons, stream
from lab.studies.model import Study
from lab.studies.references import Held, hold
from lab.studies.response import Response, respond
from lab.studies.result import TrialResult, counted, scores_of, with_failures
from lab.studies.statistics import Interval, bootstrap_interval, iqm
from lab.studies.sweeps import short_names
from lab.studies.swept import Swept, sweep_over


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
class Judged:
    """The study's criterion of one arm: a number over its ``n`` seeds, with its interval."""

    n: int
    value: float
    interval: Interval


@dataclass(frozen=True)
class LateSeeds:
    """How the seeds differ from those stated before the first results were seen."""

    added: Sequence[int] = ()
    dropped: Sequence[int] = ()

    def sentence(self) -> str:
        """What a verdict says of them; empty where there is nothing to say."""
        told = [
            f"{', '.join(map(str, seeds))} {how}"
            for seeds, how in ((self.added, "added"), (self.dropped, "dropped"))
            if seeds
        ]
        if not told:
            return ""
        return f"Seeds were changed after results had been seen ({'; '.join(told)}), which makes p too small."


def late_seeds(recorded: Study) -> LateSeeds:
    """How the seeds of a recorded study differ from those that it was stated with."""
    stated = recorded.seeds_stated or recorded.seeds
    return LateSeeds(_beyond(recorded.seeds, stated), _beyond(stated, recorded.seeds))


def _beyond(seeds: Sequence[int], others: Sequence[int]) -> list[int]:
    return [seed for seed in seeds if seed not in others]


@dataclass(frozen=True)
class Summary:
    """All that a study found."""

    study: Study
    arms: Mapping[str, Mapping[str, Column]]
    """Arm -> score column -> what it scored."""
    comparisons: Sequence[Comparison]
    trials: Sequence[TrialResult]
    judged: Mapping[str, Judged]
    """Arm -> the criterion; no arm without a trial that counts."""
    response: Response | None = None
    """Of a phase-response study with a seed that has every offset."""
    swept: Swept | None = None
    """Of a sweep without halving that has a seed with every arm."""
    late: LateSeeds = LateSeeds()
    cautions: Sequence[str] = ()
    """What a reader should know of how it was measured, a sentence each."""

    @property
    def verdict(self) -> Verdict | None:
        """That of the first comparison, or of the response; None for a study that compares nothing."""
        if self.study.response is not None:
            return response_verdict(self.study, self.response, self.trials)
        if self.study.sweep is not None and self.study.halving is None:
            found = self.swept is not None and self.swept.p < self.study.alpha
            return "supported" if found and not uneven(self.study, self.trials) else "unclear"
        return self.comparisons[0].verdict if self.comparisons else None

    @property
    def held(self) -> dict[str, Held]:
        """Arm -> how it stands against what was published of it; no arm without a finished trial."""
        published = {} if self.study.references is None else self.study.references.scores
        return {
            arm: hold(reference, column.mean, column.mean_interval, self.study.direction)
            for arm, reference in published.items()
            if (column := self.arms[arm].get(self.study.metric)) is not None
        }

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
            "criterion": study.model_dump(mode="json")["criterion"],
            "judged_by": study.judged_by,
            "alpha": study.alpha,
            "seeds": study.seeds,
            "late_seeds": asdict(self.late),
            "cautions": list(self.cautions),
            "verdict": self.verdict,
            "arms": {
                arm: {name: asdict(column) for name, column in columns.items()} for arm, columns in self.arms.items()
            },
            "judged": {arm: asdict(judged) for arm, judged in self.judged.items()},
            "comparisons": [asdict(c) for c in self.comparisons],
            **self._response_json(),
            **self._sweep_json(),
            **({"references": {arm: asdict(held) for arm, held in self.held.items()}} if study.references else {}),
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
        return {"response": {"voice": self.study.response.words, **found, **lists}}

    def _sweep_json(self) -> dict[str, Any]:
        """The quantities and their values; what halving left has no place in a curve or a map, its steps differ."""
        if self.study.sweep is None or self.study.halving is not None:
            return {}
        names, values = short_names(self.study.sweep), [quantity.all() for quantity in self.study.sweep.values()]
        found = {} if self.swept is None else {**asdict(self.swept), "means": self.swept.means.tolist()}
        return {"sweep": {"names": [*names.values()], "values": values, **found}}


def summarise(
    study: Study, trials: Sequence[TrialResult], late: LateSeeds = LateSeeds(), cautions: Sequence[str] = ()
) -> Summary:
    """Describe every arm and judge every comparison. The same study and trials always give the same numbers."""
    arms = {
        arm: {
            name: column
            for name in study.shown
            if (column := _column(scores_of(trials, arm, name), study, f"{arm}/{name}")) is not None
        }
        for arm in study.arms
    }
    judged = {arm: found for arm in study.arms if (found := _judged(study, counted(study, trials, arm), arm))}
    return Summary(
        study,
        arms,
        comparisons(study, trials),
        trials,
        judged,
        response_of(study, trials),
        _swept(study, trials),
        late,
        cautions,
    )


def _judged(study: Study, scores: Mapping[int, float], arm: str) -> Judged | None:
    if not scores:
        return None
    values = np.array(list(scores.values()))
    interval = study.criterion.interval(values, study.direction, 1 - study.alpha, stream(study, f"{arm}/judged"))
    return Judged(len(values), study.criterion.of(values, study.direction), interval)


def response_of(study: Study, trials: Sequence[TrialResult]) -> Response | None:
    """The phase-response curve over the seeds that finished at every offset; None without one, or of another study."""
    table = [] if study.response is None else whole_seeds(study, trials)
    if not table:
        return None
    return respond(table, higher=study.direction == "higher", alpha=study.alpha, rng=stream(study, "response"))


def _swept(study: Study, trials: Sequence[TrialResult]) -> Swept | None:
    """What a sweep found over the seeds that finished in every arm."""
    table = [] if study.sweep is None or study.halving is not None else whole_seeds(study, trials)
    if not table:
        return None
    return sweep_over(table, higher=study.direction == "higher", rng=stream(study, "sweep"))


def whole_seeds(study: Study, trials: Sequence[TrialResult]) -> list[list[float]]:
    """The scores of the seeds that finished in every arm: a row a seed, a column an arm."""
    scores = [scores_of(trials, arm, study.metric) for arm in study.arms]
    return [[of[seed] for of in scores] for seed in study.seeds if all(seed in of for of in scores)]


def uneven(study: Study, trials: Sequence[TrialResult]) -> str:
    """Where arms failed at different numbers of seeds, which failed most, in words; empty where they did not."""
    failed = {arm: int(np.isnan(with_failures(study, trials, arm)).sum()) for arm in study.arms}
    worst = max(failed, key=failed.__getitem__)
    if min(failed.values()) == failed[worst]:
        return ""
    return f"{worst} failed at {failed[worst]} seeds, others at fewer, and seeds that failed anywhere are left out"


def response_verdict(study: Study, response: Response | None, trials: Sequence[TrialResult]) -> Verdict:
    """The verdict of a phase-response study, by the rule of this module's docstring."""
    if study.response is None or response is None or not matters(study, response) or uneven(study, trials):
        return "unclear"
    if study.response.expects is None:
        return "supported"
    if response.phase_interval is None:
        return "unclear"
    near = study.response.near(response.phase_interval)
    return "unclear" if near is None else "supported" if near else "not supported"


def matters(study: Study, response: Response) -> bool:
    """Whether an effect of the phase, whatever the best one, was found."""
    return response.p < study.alpha


def _column(values: Mapping[int, float], study: Study, key: str) -> Column | None:
    if not values:
        return None
    x = list(values.values())
    confidence = 1 - study.alpha
    return Column(
        n=len(x),
        mean=float(np.mean(x)),
        mean_interval=bootstrap_interval(x, np.mean, confidence=confidence, rng=stream(study, f"{key}/mean")),
        iqm=iqm(x),
        iqm_interval=bootstrap_interval(x, iqm, confidence=confidence, rng=stream(study, f"{key}/iqm")),
        values=values,
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

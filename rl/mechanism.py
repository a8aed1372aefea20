"""The curvature and the gradient noise of a study's runs against difficulty and time: where may steps be large?

Annealing the learning rate as tasks become hard supposes that the loss curves little while they are easy. Difficulty
rises with time in a curriculum, and networks change with time anyway; so each arm is held against arms whose difficulty
does not change, at the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lab.errors import UserError
from lab.reports.runs import RunData, read_run
from lab.reports.study import StudyData
from lab.reports.words import fmt, span
from lab.studies.statistics import bootstrap_interval

Floats = NDArray[np.float64]

EASY, HARD = 1 / 3, 2 / 3
"""Below the one difficulties are called easy, above the other hard; likewise early and late steps of a run."""
CHANGES = 0.5
"""A difficulty whose range along most runs of an arm is smaller stands still: it is a mean over a few environments."""


@dataclass(frozen=True)
class Track:
    """What was measured along one run, arrays of one length over its evaluations.

    Attributes:
        arm, seed: of the run.
        progress: share of the run's steps, in [0, 1].
        difficulty: mean over the environments and the newest row of the log before it was measured, in [0, 1].
        curvature: the leading eigenvalue of :mod:`rl.curvature`.
        noise: tr Σ, the variance of one sample's gradient.
        rate: the learning rate's mean over the whole log.
        changes: whether the difficulty of its arm does.
    """

    arm: str
    seed: int
    progress: Floats
    difficulty: Floats
    curvature: Floats
    noise: Floats
    rate: float
    changes: bool = False


def tracks(study: StudyData) -> list[Track]:
    """One for each run of the study that lies beside it and measured its curvature.

    Raises:
        UserError: there is none.
    """
    runs = [(arm, read_run(path)) for arm, paths in study.runs().items() for path in paths]
    found = [_track(arm, run) for arm, run in runs if len(run.series("curvature/leading")[0])]
    if not found:
        raise UserError(
            f"{study.path}: no run beside it measured its curvature; runs of a study with curvature: true have it"
        )
    return [replace(track, changes=_changes([t for t in found if t.arm == track.arm])) for track in found]


def _changes(own: Sequence[Track]) -> bool:
    return bool(np.median([np.ptp(track.difficulty) for track in own]) > CHANGES)


def _track(arm: str, run: RunData) -> Track:
    steps, curvature = run.series("curvature/leading")
    noise_steps, noise = run.series("curvature/noise")
    at, difficulty = run.series("curriculum/difficulty")
    if not len(at):
        at, difficulty = steps, np.ones(len(steps))
    place = np.clip(np.searchsorted(at, steps, side="right") - 1, 0, None)
    return Track(
        arm=arm,
        seed=run.seed,
        progress=steps / run.steps,
        difficulty=difficulty[place],
        curvature=curvature,
        noise=np.interp(steps, noise_steps, noise),
        rate=float(run.series("voice/learning_rate")[1].mean()),
    )


Measure = Callable[[Track], float]
"""One number of a run; NaN where it has none."""


def _median(of: str, by: str, least: float, most: float) -> Measure:
    def measure(track: Track) -> float:
        values, places = getattr(track, of), getattr(track, by)
        if by == "difficulty" and not track.changes:
            return float("nan")
        inside = values[(places >= least) & (places <= most)]
        return float(np.median(inside)) if len(inside) else float("nan")

    return measure


def _rank_correlation(of: str) -> Measure:
    def measure(track: Track) -> float:
        from scipy.stats import spearmanr

        values = getattr(track, of)
        if not track.changes or np.ptp(values) == 0:
            return float("nan")
        return float(spearmanr(track.difficulty, values).statistic)

    return measure


MEASURES: Mapping[str, Measure] = {
    "curvature, early third": _median("curvature", "progress", 0.0, EASY),
    "late third": _median("curvature", "progress", HARD, 1.0),
    "while easy": _median("curvature", "difficulty", 0.0, EASY),
    "while hard": _median("curvature", "difficulty", HARD, 1.0),
    "ρ with difficulty": _rank_correlation("curvature"),
    "noise, early third": _median("noise", "progress", 0.0, EASY),
    "noise, late third": _median("noise", "progress", HARD, 1.0),
    "ρ of noise with difficulty": _rank_correlation("noise"),
    "mean learning rate": lambda track: track.rate,
}
"""By the heading of its column: the median over a run's evaluations, Spearman's rank correlation along it."""


def table(found: Sequence[Track]) -> list[list[str]]:
    """A row an arm, after a row of headings: every measure's mean over seeds with its 95 % bootstrap interval."""
    arms = dict.fromkeys(track.arm for track in found)
    rows = [["arm", "seeds", *MEASURES]]
    for arm in arms:
        own = [track for track in found if track.arm == arm]
        rows.append([arm, str(len(own)), *(_shown([measure(t) for t in own], arm) for measure in MEASURES.values())])
    return rows


def _shown(values: Sequence[float], arm: str) -> str:
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return fmt(None)
    interval = bootstrap_interval(known, rng=np.random.default_rng(list(arm.encode())))
    few = f" ({len(known)} seeds)" if len(known) < len(values) else ""
    return fmt(float(np.mean(known))) + (span(interval) if np.isfinite(interval.low) else "") + few


def page(study: StudyData, rows: Sequence[Sequence[str]], figure: str, alt: str) -> str:
    """The page curvature.md."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    drawn = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return (
        f"# {study.title}: curvature and gradient noise\n\n"
        "At each evaluation, of the policy's loss on the last rollout: the largest eigenvalue of its Hessian, and "
        "tr Σ, the variance of one sample's gradient. Medians along a run, means over seeds, in brackets 95 % "
        f"bootstrap intervals. Easy: difficulties below {EASY:.2f}; hard: above {HARD:.2f}. ρ is Spearman's rank "
        "correlation along a run. Where difficulty and time rise together, compare with arms whose difficulty stands "
        f"still, at the same steps.\n\n{drawn}\n\n![{alt}]({figure})\n\n"
        f"Made by `lab rl curvature {study.name}`; the points are in curvature.csv.\n"
    )


def csv(found: Sequence[Track]) -> str:
    """Every measured point on a line, below a line of headings."""
    lines = ["arm,seed,progress,difficulty,curvature,noise"]
    for track in found:
        columns = zip(track.progress, track.difficulty, track.curvature, track.noise, strict=True)
        lines += [",".join([track.arm, str(track.seed), *(f"{value:.5g}" for value in point)]) for point in columns]
    return "\n".join(lines) + "\n"

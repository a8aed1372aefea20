"""A study's findings as tables of text; nothing is computed here."""

from __future__ import annotations

import math

from lab.reports.words import ABSENT, cycle, fmt, level
from lab.studies.criteria import MeanScore
from lab.studies.halving import STEPS
from lab.studies.statistics import Interval
from lab.studies.summary import Column, Summary
from lab.studies.sweeps import short_names

Table = tuple[list[str], list[list[str]]]
"""Header, rows."""


def with_interval(value: float, interval: Interval) -> str:
    """The number, and its interval in brackets where there is one."""
    if math.isnan(interval.low):
        return fmt(value)
    return f"{fmt(value)} [{fmt(interval.low)}, {fmt(interval.high)}]"


def arms_table(summary: Summary) -> Table:
    """One line an arm: the metric's mean and IQM, its worst seed, the mean of every further column; with intervals.

    What else than the mean the arms are compared by stands before all that.
    """
    study = summary.study
    extra = [name for name in study.shown if name != study.metric]
    by = [] if isinstance(study.criterion, MeanScore) else [study.judged_by]
    header = ["arm", "seeds", *by, f"{study.metric}: mean", "IQM", "worst", *extra]
    rows = []
    for arm in study.arms:
        columns = summary.arms[arm]
        scored = columns.get(study.metric)
        count = f"{scored.n if scored else 0}/{len(study.seeds)}"
        cells = [*(_judged(summary, arm) for _ in by), *_metric_cells(scored, study.direction)]
        rows.append([arm, count, *cells, *(mean_of(columns.get(name)) for name in extra)])
    return header, rows


def _metric_cells(scored: Column | None, direction: str) -> list[str]:
    if scored is None:
        return [ABSENT, ABSENT, ABSENT]
    worst = min(scored.values.values()) if direction == "higher" else max(scored.values.values())
    return [mean_of(scored), with_interval(scored.iqm, scored.iqm_interval), fmt(worst)]


def _judged(summary: Summary, arm: str) -> str:
    found = summary.judged.get(arm)
    return ABSENT if found is None else with_interval(found.value, found.interval)


def mean_of(column: Column | None) -> str:
    """A column's mean with its interval."""
    return ABSENT if column is None else with_interval(column.mean, column.mean_interval)


def references_table(summary: Summary) -> Table:
    """The arms beside what was published of them."""
    metric = summary.study.metric
    rows = []
    for arm, held in summary.held.items():
        published = fmt(held.score) + (f" ± {fmt(held.deviation)}" if held.deviation else "")
        rows.append([arm, mean_of(summary.arms[arm].get(metric)), published, held.reached])
    return ["arm", f"{metric}: mean", "published", "reached"], rows


def scores_table(summary: Summary) -> Table:
    """The arms for a terminal of 80 columns: one line a score of an arm, the study's metric first."""
    study = summary.study
    rows = []
    for arm, columns in summary.arms.items():
        scored = columns.get(study.metric)
        about = [arm, f"{scored.n if scored else 0}/{len(study.seeds)}"]
        if not isinstance(study.criterion, MeanScore):
            rows.append([*about, study.judged_by, _judged(summary, arm)])
            about = ["", ""]
        for name in study.shown:
            rows.append([*about, name, mean_of(columns.get(name))])
            about = ["", ""]
    return ["arm", "seeds", "score", f"mean [{level(study.alpha)} interval]"], rows


def verdicts_table(summary: Summary) -> Table:
    """The comparisons for a terminal of 80 columns."""
    rows = [
        [f"{c.treatment} − {c.control}", with_interval(c.difference, c.interval), fmt(c.p_holm), c.verdict]
        for c in summary.comparisons
    ]
    return ["comparison", "difference", "p (Holm)", "verdict"], rows


def comparisons_table(summary: Summary) -> Table:
    """One line a comparison: the paired difference, its interval, p, and the verdict."""
    header = [
        "comparison",
        "pairs",
        f"difference in {summary.study.judged_by}",
        "P(better)",
        "p",
        "p (Holm)",
        "verdict",
    ]
    rows = [
        [
            f"{c.treatment} against {c.control}",
            str(c.pairs),
            with_interval(c.difference, c.interval),
            fmt(c.better),
            fmt(c.p),
            fmt(c.p_holm),
            c.verdict,
        ]
        for c in summary.comparisons
    ]
    return header, rows


def response_table(summary: Summary) -> Table:
    """The numbers of the fitted harmonic."""
    found = summary.response
    assert found is not None
    low, high = found.amplitude_interval
    interval = "every phase" if found.phase_interval is None else " to ".join(cycle(e, 3) for e in found.phase_interval)
    best = int(found.means.argmax() if summary.study.direction == "higher" else found.means.argmin())
    rows = [
        ["seeds with every offset", str(found.seeds)],
        ["amplitude of the first harmonic", with_interval(found.amplitude, Interval(low, high))],
        ["best phase of the harmonic, in cycles", f"{cycle(found.phase, 3)} [{interval}]"],
        ["best mean of a measured offset", f"{fmt(found.means[best])} at {fmt(found.offsets[best])}"],
        ["p of the amplitude", fmt(found.p)],
    ]
    if found.p >= summary.study.alpha:
        rows += [
            ["amplitude that would show with 80 % power", fmt(found.detectable)],
            ["seeds that would show the measured one", str(found.seeds_needed or ABSENT)],
        ]
    return ["phase response", f"{level(summary.study.alpha)} intervals"], rows


def sweep_table(summary: Summary) -> Table:
    """The means with their intervals: a line for each value, or rows and columns of two quantities."""
    study = summary.study
    assert study.sweep is not None
    cells = [mean_of(summary.arms[arm].get(study.metric)) for arm in study.arms]
    names, (rows, *more) = list(short_names(study.sweep).values()), [of.all() for of in study.sweep.values()]
    if not more:
        return [names[0], f"{study.metric}: mean"], [[f"{v:g}", cell] for v, cell in zip(rows, cells, strict=True)]
    width = len(more[0])
    lines = [[f"{row:g}", *cells[place * width : (place + 1) * width]] for place, row in enumerate(rows)]
    return [f"{names[0]} \\ {names[1]}", *(f"{value:g}" for value in more[0])], lines


def halving_table(summary: Summary) -> Table:
    """The arms by how far they came, the farthest first; only those of a line's steps are comparable."""
    study = summary.study
    rungs: dict[int, list[str]] = {}
    for arm, columns in summary.arms.items():
        if STEPS in columns:
            rungs.setdefault(int(max(columns[STEPS].values.values())), []).append(arm)
    sign = -1 if study.direction == "higher" else 1
    rows = []
    for steps in sorted(rungs, reverse=True):
        ranked = sorted(rungs[steps], key=lambda arm: sign * summary.arms[arm][study.metric].mean)
        rows += [[f"{steps:,}", arm, mean_of(summary.arms[arm][study.metric])] for arm in ranked]
    return ["trained to step", "arm", f"{study.metric}: mean"], rows


def markdown_table(table: Table) -> str:
    """The table in Markdown."""
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

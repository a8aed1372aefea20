"""A study's findings as tables of text and as the Markdown page summary.md; nothing is computed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lab.reports.words import ABSENT, cycle, fmt
from lab.studies.comparison import Comparison
from lab.studies.criteria import MeanScore
from lab.studies.halving import STEPS
from lab.studies.statistics import Interval
from lab.studies.summary import Column, Summary
from lab.studies.sweeps import short_names

Table = tuple[list[str], list[list[str]]]
"""Header, rows."""

RESPONSE_READING = (
    "One voice stands at each of the offsets in turn, with the same mean; all else is the same. The first harmonic is "
    "fitted to the mean over the seeds that finished at every offset. p is the share of 9,999 permutations of the "
    "offsets within each seed that have as large an amplitude. The interval of the best phase is Fieller's: all phases "
    "that a t-test over the seeds' own harmonics does not refuse."
)


SWEEP_READING = (
    "All but the swept settings is the same in every arm. p is the share of 9,999 permutations of the arms within each "
    "seed whose means spread at least as far; it says whether the settings matter, not which is best. The best of many "
    "means is flattered by having been chosen: a study of its own, with other seeds, tells what it is worth."
)
HALVED = (
    "No verdict: which arms were trained to the end was decided by the same seeds that score them, and the others were "
    "not trained as long. What was best here is a candidate, for a study with other seeds."
)
HALVING_READING = (
    "Every arm was trained for the fewest steps, the best went on in the same runs for longer, and so on. A score is "
    "of the last steps that an arm was trained to: those of different steps cannot be compared, and those of the last "
    "arms are flattered by the choice."
)


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
        rows.append([arm, count, *cells, *(_mean(columns.get(name)) for name in extra)])
    return header, rows


def _metric_cells(scored: Column | None, direction: str) -> list[str]:
    if scored is None:
        return [ABSENT, ABSENT, ABSENT]
    worst = min(scored.values.values()) if direction == "higher" else max(scored.values.values())
    return [_mean(scored), with_interval(scored.iqm, scored.iqm_interval), fmt(worst)]


def _judged(summary: Summary, arm: str) -> str:
    found = summary.judged.get(arm)
    return ABSENT if found is None else with_interval(found.value, found.interval)


def _mean(column: Column | None) -> str:
    return ABSENT if column is None else with_interval(column.mean, column.mean_interval)


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
            rows.append([*about, name, _mean(columns.get(name))])
            about = ["", ""]
    return ["arm", "seeds", "score", f"mean [{1 - study.alpha:.0%} interval]"], rows


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


def record(summary: Summary) -> dict[str, Any]:
    """The content of summary.json: all that was found, and the verdict as a sentence."""
    return {**summary.to_json(), "sentence": verdict_line(summary)}


def verdict_line(summary: Summary) -> str:
    """The verdict in a sentence or two, for the page and the terminal."""
    return " ".join(filter(None, (_verdict(summary), summary.late.sentence())))


def _verdict(summary: Summary) -> str:
    if summary.study.response is not None:
        return response_sentence(summary)
    if summary.study.halving is not None:
        return HALVED
    if summary.study.sweep is not None:
        return sweep_sentence(summary)
    if not summary.comparisons:
        return "No verdict: the study compares nothing, it describes its arms."
    first = summary.comparisons[0]
    gain = (
        f"{with_interval(first.difference, first.interval)} in the {summary.study.judged_by}; " if first.pairs else ""
    )
    return f"{first.verdict.capitalize()}: {first.treatment} against {first.control}: {gain}{first.reason}."


def response_sentence(summary: Summary) -> str:
    """What the phase-response curve says, in plain words."""
    study, found = summary.study, summary.response
    if study.response is None or found is None:
        return "Unclear: no seed has a score at every offset."
    voice, seeds = study.response.words, f"{found.seeds} seed{'s' if found.seeds > 1 else ''}"
    swing = f"{fmt(2 * found.amplitude)} from trough to peak"
    if found.p >= study.alpha:
        could = (
            "" if math.isnan(found.detectable) else f"; {fmt(2 * found.detectable)} would have shown with 80 % power"
        )
        more = found.seeds_needed
        need = f", and to show what was measured takes {more} seeds" if more else ""
        test = f"{seeds}, p = {fmt(found.p)}"
        return (
            f"Unclear: no effect of the phase of {voice} on {study.metric} was found ({test}); "
            f"measured was {swing}{could}{need}."
        )
    at = "at every phase alike" if found.phase_interval is None else phase_words(found.phase, found.phase_interval)
    return (
        f"Supported: {study.metric} depends on the phase of {voice} (p = {fmt(found.p)}, {seeds}): best {at}, {swing}."
    )


def phase_words(phase: float, interval: tuple[float, float]) -> str:
    """A phase with its interval, which may reach over the end of the cycle."""
    low, high = map(cycle, interval)
    return f"{cycle(phase)} of a cycle ahead [{low} to {high}]"


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
    return ["phase response", study_level(summary)], rows


def sweep_sentence(summary: Summary) -> str:
    """What a sweep says, in plain words."""
    study, found = summary.study, summary.swept
    if found is None:
        return "Unclear: no seed has a score in every arm."
    over = " or ".join(short_names(study.sweep or {}).values())
    test = f"p = {fmt(found.p)}, {found.seeds} seed{'s' if found.seeds > 1 else ''}"
    if found.p >= study.alpha:
        return f"Unclear: no effect of {over} on {study.metric} was found ({test})."
    arm = list(study.arms)[found.best]
    at = f"{arm} with {_mean(summary.arms[arm][study.metric])}"
    return f"Supported: {study.metric} depends on {over} ({test}); best was {at}, chosen among {len(study.arms)}."


def sweep_table(summary: Summary) -> Table:
    """The means with their intervals: a line for each value, or rows and columns of two quantities."""
    study = summary.study
    assert study.sweep is not None
    cells = [_mean(summary.arms[arm].get(study.metric)) for arm in study.arms]
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
        rows += [[f"{steps:,}", arm, _mean(summary.arms[arm][study.metric])] for arm in ranked]
    return ["trained to step", "arm", f"{study.metric}: mean"], rows


def study_level(summary: Summary) -> str:
    """How sure the intervals of a study are."""
    return f"{1 - summary.study.alpha:.0%} intervals"


def markdown(summary: Summary, command: str, figures: Sequence[tuple[str, str]], circumstances: str) -> str:
    """The page summary.md.

    Args:
        command: the command line that makes this study.
        figures: (path relative to the page, alt text).
        circumstances: one line on machine, versions and time taken.
    """
    study = summary.study
    better = "Higher" if study.direction == "higher" else "Lower"
    level = f"{1 - study.alpha:.0%}"
    parts = [
        f"# {study.heading}",
        f"**Hypothesis** (stated before the runs): {' '.join(study.hypothesis.split())}",
        f"**{verdict_line(summary)}**",
        "## Arms",
        f"{better} `{study.metric}` is better. In brackets: {level} bootstrap intervals over seeds.",
        markdown_table(arms_table(summary)),
        *(f"![{alt}]({path})" for path, alt in figures),
    ]
    if summary.comparisons:
        parts += ["## Comparisons", markdown_table(comparisons_table(summary)), *_reasons(summary.comparisons)]
    if summary.response is not None:
        parts += ["## Phase response", markdown_table(response_table(summary)), RESPONSE_READING]
    if summary.study.halving is not None:
        parts += ["## Halving", markdown_table(halving_table(summary)), HALVING_READING]
    elif summary.study.sweep is not None:
        parts += ["## Sweep", markdown_table(sweep_table(summary)), SWEEP_READING]
    if summary.failed:
        lines = [f"- {t.arm}, seed {t.seed}: {t.status}{f': {t.error}' if t.error else ''}" for t in summary.failed]
        parts += ["## Trials without a score", "\n".join(lines)]
    parts += ["## How to read it", _reading(summary), "## How it was made", f"```\n{command}\n```", circumstances]
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """The table in Markdown."""
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _reasons(comparisons: Sequence[Comparison]) -> list[str]:
    return ["\n".join(f"- {c.treatment} against {c.control}: *{c.verdict}*: {c.reason}." for c in comparisons)]


def _reading(summary: Summary) -> str:
    lines = [
        "- A score is the mean of its evaluations over the last whole cycle of the clock. A name ending in `.last` is "
        "the value at the last step, where each arm is at another phase of its learning rate.",
    ]
    if summary.comparisons:
        lines += [
            f"- Differences are treatment − control in the {summary.study.judged_by}, over the same seeds. p is of "
            f"{summary.study.criterion.test}, one-sided in the stated direction, corrected after Holm over all "
            "comparisons of the study.",
            "- P(better) is the share of all pairs of one run of each arm, whatever their seeds, in which the "
            "treatment's score is the better one; ties count half.",
            "- *supported*: that p is below alpha. *not supported*: enough pairs, and the interval of the difference "
            "holds no improvement. *unclear*: anything else. The study's verdict is that of its first comparison. The "
            "number of seeds that would show a difference is for 80 % power at its measured size.",
        ]
    lines += [f"- {caution}" for caution in summary.cautions]
    if summary.failed and not summary.study.criterion.counts_failures:
        lines.append("- Trials without a score are left out; if failing is what an arm does, its mean flatters it.")
    if any(c.interval.low == c.interval.high for c in summary.comparisons):
        lines.append("- An interval of no width: all pairs differed alike; it does not make the difference certain.")
    what = f"trainer `{summary.study.trainer}`, preset `{summary.study.preset}` and the settings in study.yaml"
    lines.append(f"- It speaks of {what}, and of nothing else.")
    return "\n".join(lines)

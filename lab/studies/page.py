"""A study's page, summary.md: its verdict, tables and figures, and how to read them; nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence

from lab.reports.words import level
from lab.studies.comparison import Comparison
from lab.studies.sentences import verdict_line
from lab.studies.summary import Summary
from lab.studies.tables import (
    arms_table,
    comparisons_table,
    halving_table,
    markdown_table,
    references_table,
    response_table,
    sweep_table,
)

RESPONSE_READING = (
    "One voice stands at each of the offsets in turn, with the same mean; all else is the same. The first harmonic is "
    "fitted to the mean over the seeds that finished at every offset. p is the share of 9,999 permutations of the "
    "offsets within each seed that have as large an amplitude. The interval of the best phase is Fieller's: all phases "
    "that a t-test over the seeds' own harmonics does not refuse."
)
EXPECTED = (
    "The hypothesis expects a phase: it is *supported* only if all of that interval lies within an eighth of a cycle "
    "of it, *not supported* where none comes within a sixteenth, and *unclear* in between."
)


REFERENCES = (
    "Reached: the mean is at least as good as the published score less its deviation; unclear: only the better end of "
    "its interval is."
)
SWEEP_READING = (
    "All but the swept settings is the same in every arm. p is the share of 9,999 permutations of the arms within each "
    "seed whose means spread at least as far; it says whether the settings matter, not which is best. The best of many "
    "means is flattered by having been chosen: a study of its own, with other seeds, tells what it is worth."
)
HALVING_READING = (
    "Every arm was trained for the fewest steps, the best went on in the same runs for longer, and so on. A score is "
    "of the last steps that an arm was trained to: those of different steps cannot be compared, and those of the last "
    "arms are flattered by the choice."
)
MANY = 20
FEW = (
    "- Intervals are bootstrapped over seeds, and too narrow where these are few: of normal scores one of 95 % holds "
    "the true mean in about 80 % of studies of 5 seeds, 90 % of those of 10. Verdicts do not rest on them alone."
)


def markdown(summary: Summary, command: str, figures: Sequence[tuple[str, str]], circumstances: str) -> str:
    """The page summary.md.

    Args:
        command: the command line that makes this study.
        figures: (path relative to the page, alt text).
        circumstances: one line on machine, versions and time taken.
    """
    study = summary.study
    better = "Higher" if study.direction == "higher" else "Lower"
    confidence = level(study.alpha)
    parts = [
        f"# {study.heading}",
        f"**Hypothesis** (stated before the runs): {' '.join(study.hypothesis.split())}",
        f"**{verdict_line(summary)}**",
        "## Arms",
        f"{better} `{study.metric}` is better. In brackets: {confidence} bootstrap intervals over seeds.",
        markdown_table(arms_table(summary)),
        *(f"![{alt}]({path})" for path, alt in figures),
    ]
    if study.references is not None:
        source = f"Published scores: {' '.join(study.references.source.split())}."
        parts += ["## Beside published scores", markdown_table(references_table(summary)), f"{source} {REFERENCES}"]
    if summary.comparisons:
        parts += ["## Comparisons", markdown_table(comparisons_table(summary)), *_reasons(summary.comparisons)]
    if summary.response is not None:
        expects = study.response is not None and study.response.expects is not None
        reading = f"{RESPONSE_READING} {EXPECTED}" if expects else RESPONSE_READING
        parts += ["## Phase response", markdown_table(response_table(summary)), reading]
    if summary.study.halving is not None:
        parts += ["## Halving", markdown_table(halving_table(summary)), HALVING_READING]
    elif summary.study.sweep is not None:
        parts += ["## Sweep", markdown_table(sweep_table(summary)), SWEEP_READING]
    if summary.failed:
        lines = [f"- {t.arm}, seed {t.seed}: {t.status}{f': {t.error}' if t.error else ''}" for t in summary.failed]
        parts += ["## Trials without a score", "\n".join(lines)]
    parts += ["## How to read it", _reading(summary), "## How it was made", f"```\n{command}\n```", circumstances]
    return "\n\n".join(parts) + "\n"


def _reasons(comparisons: Sequence[Comparison]) -> list[str]:
    return ["\n".join(f"- {c.treatment} against {c.control}: *{c.verdict}*: {c.reason}." for c in comparisons)]


def _reading(summary: Summary) -> str:
    lines = [
        "- A score is the mean of its evaluations over the last whole cycle of the clock. A name ending in `.last` is "
        "the value at the last step, where each arm is at another phase of its learning rate.",
    ]
    if len(summary.study.seeds) < MANY:
        lines.append(FEW)
    if summary.comparisons:
        lines += [
            f"- Differences are treatment − control in the {summary.study.judged_by}, over the same seeds. p is of "
            f"{summary.study.criterion.test}, one-sided in the stated direction, corrected after Holm over all "
            "comparisons of the study: how often so much is found where the arms do not differ. A rare collapse that "
            "no seed has shown is in no p.",
            "- P(better) is the share of all pairs of one run of each arm, whatever their seeds, in which the "
            "treatment's score is the better one; ties count half.",
            "- *supported*: that p is below alpha. *not supported*: the interval of the difference holds no "
            "improvement, and the same test in the other direction has a p below alpha. *unclear*: anything else. The "
            "study's verdict is that of its first comparison. The number of seeds that would show a difference is for "
            "80 % power at its measured size.",
        ]
    lines += [f"- {caution}" for caution in summary.cautions]
    if summary.failed and not summary.study.criterion.counts_failures:
        lines.append(
            "- Trials without a score are left out of means and pairs, and lose in P(better); where the arm that the "
            "rest favours failed more often than the other, the verdict is *unclear*."
        )
    if any(c.interval.low == c.interval.high for c in summary.comparisons):
        lines.append("- An interval of no width: all pairs differed alike; it does not make the difference certain.")
    what = f"trainer `{summary.study.trainer}`, preset `{summary.study.preset}` and the settings in study.yaml"
    lines.append(f"- It speaks of {what}, and of nothing else.")
    return "\n".join(lines)

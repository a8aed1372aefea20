"""The claims and what became of them as a table: for the terminal, and as Markdown between two marks of a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from lab.door import files
from lab.errors import UserError
from lab.reports.words import ABSENT, cycle, fmt
from lab.studies.comparison import Verdict
from lab.studies.finding import Asked, Effect, Finding
from lab.studies.summary import matters
from lab.studies.tables import Table, markdown_table, with_interval
from lab.training.files import replace_file

BEGIN, END = "<!-- claims: `make claims` writes what stands between these marks -->", "<!-- claims end -->"
ARROWS = {"higher": "↑", "lower": "↓", None: ""}
MOST_BYTES = 1 << 20
"""Of a page that the table is written into."""


def claims_table(findings: Sequence[Finding]) -> Table:
    """For a terminal of 80 columns: a claim's name and statement, its verdict, its effect and its best phase."""
    rows = [[f"{f.claim.name}\n{f.claim.statement}", verdict_words(f), _found(f)] for f in findings]
    return ["claim", "verdict", "effect, best phase"], rows


def _found(finding: Finding) -> str:
    phase = phase_words(finding, short=True)
    lines = [effect_words(finding.effect, short=True), *([] if phase == ABSENT else [f"phase: {phase}"])]
    return "\n".join(line.replace(" [", "\n[") for line in lines)


def markdown_of(findings: Sequence[Finding], results: str = "results") -> str:
    """The Markdown tables: of what has a verdict, and folded away of what has none yet.

    Args:
        results: the folder of results as seen from the page, for its links.
    """
    judged = [f for f in findings if f.state in get_args(Verdict)]
    rows = [
        [f.claim.statement, verdict_words(f), effect_words(f.effect), phase_words(f), _studies(f, results)]
        for f in judged
    ]
    parts = [markdown_table((["claim", "verdict", "effect [95 % interval]", "best phase", "study"], rows))]
    if waiting := [f for f in findings if f not in judged]:
        rows = [[f.claim.statement, f.state, _studies(f, results)] for f in waiting]
        parts += [
            f"<details><summary>{len(waiting)} claims whose studies have not run to their end</summary>",
            markdown_table((["claim", "state", "study"], rows)),
            "</details>",
        ]
    return "\n\n".join([*parts, counts(findings)])


def update(page: Path, findings: Sequence[Finding]) -> bool:
    """Write the table between the marks of a page; whether that changed it.

    Raises:
        UserError: the page cannot be read, or has not both marks, each once.
    """
    text = files.read_text(page, MOST_BYTES)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(
            f"{page}: the lines {BEGIN!r} and {END!r}, each once and in this order, say where the table goes"
        )
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    changed = f"{before}{BEGIN}\n\n{markdown_of(findings)}\n\n{END}{after}"
    if changed != text:
        replace_file(page, changed.encode())
    return changed != text


def counts(findings: Sequence[Finding]) -> str:
    """How many claims came to which end, in a sentence."""
    found = Counter(finding.state for finding in findings)
    order = (*get_args(Verdict), "unfinished", "not run", "not stated")
    told = ", ".join(f"{found[state]} {state}" for state in order if found[state])
    return f"{len(findings)} claims: {told}."


def verdict_words(finding: Finding) -> str:
    """The verdict, and a mark where seeds were added or dropped after results had been seen."""
    late = finding.effect is not None and finding.asked.late
    return f"{finding.state} (seeds changed after looking)" if late else finding.state


def effect_words(effect: Effect | None, short: bool = False) -> str:
    """The effect with its interval and, unless ``short``, what it is of; an arrow shows which values are better."""
    if effect is None or math.isnan(effect.size):
        return ABSENT
    size = with_interval(effect.size, effect.interval)
    return size if short else f"{size} {effect.of} {ARROWS[effect.direction]}".rstrip()


def phase_words(finding: Finding, short: bool = False) -> str:
    """The best phase with its interval and, unless ``short``, the one that was expected; or why there is none."""
    asked, curve = finding.response, finding.curve
    if asked is None or asked.study is None:
        return ABSENT
    if curve is None:
        return asked.gap or ABSENT
    if not matters(asked.study, curve) or curve.phase_interval is None:
        return "none found" if short else f"no effect of the phase found (p = {fmt(curve.p)})"
    low, high = map(cycle, curve.phase_interval)
    expected = None if short else finding.claim.expects
    told = "" if expected is None else f", expected {cycle(expected)}"
    return f"{cycle(curve.phase)} [{low} to {high}]{told}"


def _studies(finding: Finding, results: str) -> str:
    asked = [finding.asked]
    if finding.response is not None and finding.response.name != finding.asked.name:
        asked.append(finding.response)
    return ", ".join(_linked(each, results) for each in asked)


def _linked(asked: Asked, results: str) -> str:
    return f"[{asked.name}]({results}/{asked.name}/summary.md)" if asked.written else asked.name

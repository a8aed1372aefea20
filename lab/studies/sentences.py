"""What a study found, in sentences for its page, the terminal and JSON; nothing is computed here."""

from __future__ import annotations

import math
from typing import Any

from lab.reports.words import cycle, fmt
from lab.studies.summary import Summary, response_verdict, uneven
from lab.studies.sweeps import short_names
from lab.studies.tables import mean_of, with_interval

HALVED = (
    "No verdict: which arms were trained to the end was decided by the same seeds that score them, and the others were "
    "not trained as long. What was best here is a candidate, for a study with other seeds."
)


def record(summary: Summary) -> dict[str, Any]:
    """The content of summary.json: all that was found, and the verdict as a sentence."""
    return {**summary.to_json(), "sentence": verdict_line(summary)}


def verdict_line(summary: Summary) -> str:
    """The verdict in a sentence or two, for the page and the terminal."""
    return " ".join(filter(None, (_verdict(summary), summary.late.sentence())))


def _verdict(summary: Summary) -> str:
    if summary.study.response is not None:
        return _response(summary)
    if summary.study.halving is not None:
        return HALVED
    if summary.study.sweep is not None:
        return _sweep(summary)
    if not summary.comparisons:
        return "No verdict: the study compares nothing, it describes its arms."
    first = summary.comparisons[0]
    gain = (
        f"{with_interval(first.difference, first.interval)} in the {summary.study.judged_by}; " if first.pairs else ""
    )
    return f"{first.verdict.capitalize()}: {first.treatment} against {first.control}: {gain}{first.reason}."


def _response(summary: Summary) -> str:
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
    if wrong := uneven(study, summary.trials):
        return (
            f"Unclear: the phase of {voice} moves {study.metric} (p = {fmt(found.p)}, {seeds}) where it is known, but "
            f"{wrong}."
        )
    at = "at every phase alike" if found.phase_interval is None else _phase_words(found.phase, found.phase_interval)
    verdict, test = response_verdict(study, found, summary.trials), f"(p = {fmt(found.p)}, {seeds})"
    if study.response.expects is None:
        return f"Supported: {study.metric} depends on the phase of {voice} {test}: best {at}, {swing}."
    if verdict == "supported":
        near = f"{at}, near the {cycle(study.response.expects)} that was expected"
        return f"Supported: {study.metric} depends on the phase of {voice} {test}: best {near}, {swing}."
    expected = cycle(study.response.expects)
    wide = f"which is too wide to say whether near the {expected} that was expected"
    so = f"where {expected} was expected" if verdict == "not supported" else wide
    return (
        f"{verdict.capitalize()}: {study.metric} depends on the phase of {voice} {test}, {swing}, but it is best {at}, "
        f"{so}."
    )


def _phase_words(phase: float, interval: tuple[float, float]) -> str:
    """A phase with its interval, which may reach over the end of the cycle."""
    low, high = map(cycle, interval)
    return f"{cycle(phase)} of a cycle ahead [{low} to {high}]"


def _sweep(summary: Summary) -> str:
    """What a sweep says, in plain words."""
    study, found = summary.study, summary.swept
    if found is None:
        return "Unclear: no seed has a score in every arm."
    over = " or ".join(short_names(study.sweep or {}).values())
    test = f"p = {fmt(found.p)}, {found.seeds} seed{'s' if found.seeds > 1 else ''}"
    if found.p >= study.alpha:
        return f"Unclear: no effect of {over} on {study.metric} was found ({test})."
    if wrong := uneven(study, summary.trials):
        return f"Unclear: {over} moves {study.metric} ({test}) where it is known, but {wrong}."
    arm = list(study.arms)[found.best]
    at = f"{arm} with {mean_of(summary.arms[arm][study.metric])}"
    return f"Supported: {study.metric} depends on {over} ({test}); best was {at}, chosen among {len(study.arms)}."

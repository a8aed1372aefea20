"""A claim asked again in minutes: its study in small, with seeds that it has not seen, set beside what was committed.

It is a check that a finding can be had again, and no test of its own: few seeds may miss what many showed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import UserError
from lab.reports.words import cycle
from lab.studies.claims import Claim
from lab.studies.claims_table import effect_words
from lab.studies.conduct import Conditions, conduct
from lab.studies.finding import Asked, Effect, Finding, judge_claim, look_up
from lab.studies.model import Study, find_study, load_study, study_of
from lab.studies.statistics import Interval
from lab.training.config import as_mapping

FIRST_SEED = 1_000
"""Seeds from here on are those of verifications."""


@dataclass(frozen=True)
class Check:
    """One thing that was compared, in words, and whether the two agree."""

    words: str
    agrees: bool


def verify(claim: Claim, committed: Finding, conditions: Conditions) -> tuple[Finding, list[Check]]:
    """Run the claim's small version and compare.

    Args:
        claim: of ``committed``.
        committed: what its study found.
        conditions: where and how it runs; ``results`` must not be the folder that the committed results lie in.

    Returns:
        The finding of the small version, and what was compared.

    Raises:
        UserError: the study was not run yet, or it would be run over its committed results.
    """
    if committed.effect is None or committed.asked.study is None:
        raise UserError(f"claim {claim.name}: {committed.asked.name} is {committed.state}; there is nothing to verify")
    into = Path(conditions.results or ".")
    if into.resolve() == committed.asked.directory.parent.resolve():
        raise UserError(f"{into}: the committed results lie there; the small version needs a folder of its own")
    conditions = replace(conditions, command=f"lab claims --verify {claim.name}")
    for study in (*begun_with(claim), small_version(claim, committed.asked.study)):
        conduct(study, conditions)
    found = judge_claim(claim.model_copy(update={"response": None}), look_up(claim.study, into), None)
    return found, compare(committed, found)


def small_version(claim: Claim, study: Study) -> Study:
    """A claim's study with fewer seeds, none of them its own; of one with arms only the two that are compared."""
    mapping = as_mapping(study) | {"seeds_stated": [], "references": None}
    if study.response is None:
        pair = claim.compare or study.compare[0]
        mapping |= {"arms": {arm: mapping["arms"][arm] for arm in pair}, "compare": [pair]}
    else:
        del mapping["arms"]  # they follow from the offsets, of which there may be fewer
    return study_of(mapping, [*claim.verify.set, _seeds(claim)], source=f"claim {claim.name}")


def begun_with(claim: Claim) -> list[Study]:
    """The shipped studies whose runs the trials of the small version begin with, with its seeds."""
    return [load_study(find_study(name), [_seeds(claim)]) for name in claim.verify.first]


def _seeds(claim: Claim) -> str:
    return f"seeds={list(range(FIRST_SEED, FIRST_SEED + claim.verify.seeds))}"


def compare(committed: Finding, small: Finding) -> list[Check]:
    """Whether the two agree: in the direction, where the committed one has any, and in that their intervals overlap.

    Both are widened to what they would be by Student's t, so that a true claim rarely differs by few seeds.
    """
    one, other = committed.effect, small.effect
    if one is None or other is None or math.isnan(other.interval.low):
        return [Check(f"the small version has no interval: {small.state}, {small.reason}", False)]
    wide, wider = (replace(effect, interval=_as_students(effect)) for effect in (one, other))
    words = f"intervals overlap, as wide as Student's: {effect_words(wide)} and {effect_words(wider, short=True)}"
    checks = [Check(words, _overlap(wide.interval, wider.interval))]
    direction = (
        _phases(committed.asked, small.asked)
        if one.direction is None
        else _signs(one.interval, one.size, other.size, committed.state == "supported")
    )
    return [*checks, direction] if direction else checks


def _signs(interval: Interval, committed: float, small: float, supported: bool) -> Check | None:
    """Only an effect that was supported, or whose interval leaves zero out, has a direction that others could miss."""
    if interval.low <= 0 <= interval.high and not supported:
        return None
    return Check(f"same direction: {committed:+.3g} and {small:+.3g}", committed * small > 0)


def _phases(committed: Asked, small: Asked) -> Check | None:
    one, other = committed.response, small.response
    if one is None or other is None or committed.study is None or one.p >= committed.study.alpha:
        return None
    apart = abs((other.phase - one.phase + 0.5) % 1 - 0.5)
    return Check(
        f"best phases less than a quarter of a cycle apart: {cycle(one.phase)} and {cycle(other.phase)}", apart < 0.25
    )


def _as_students(effect: Effect) -> Interval:
    """The interval as wide as Student's would be: of two or three seeds the bootstrap's is far too narrow."""
    from scipy.stats import norm, t

    if effect.seeds < 2:
        return effect.interval
    wider = float(t.isf(0.025, effect.seeds - 1) / (norm.isf(0.025) * math.sqrt(1 - 1 / effect.seeds)))
    below, above = (wider * (end - effect.size) for end in effect.interval)
    return Interval(effect.size + below, effect.size + above)


def _overlap(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high

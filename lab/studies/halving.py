"""Successive halving: which steps a rung has, what it may not be used for, and which arms go on.

The arms that go on are trained for longer in the runs they have: an arm that reaches the last rung is a run like any
other. Of few lines, over the same runs, kills and resumes as every study: a search library would bring a loop and a
record of its own beside these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lab.errors import UserError
from lab.phase import Follower
from lab.studies.model import Study
from lab.studies.result import TrialResult, scores_of
from lab.studies.trials import SAME_MEAN, Trial, check_last_cycle, mean_of_voice

STEPS = "steps"
"""The column of trials.csv that says how far a trial was trained."""


def at(trial: Trial, steps: int) -> Trial:
    """The trial, trained for so many steps."""
    return replace(trial, config=trial.config.model_copy(update={"steps": steps}))


def budgets(study: Study, trials: Sequence[Trial]) -> list[int]:
    """The steps of each rung.

    Args:
        study: with halving.
        trials: all of them, with the steps of whole runs.

    Raises:
        UserError: a rung is no fair beginning of a run: arms differ in steps, these cannot be divided so, a voice has
            another mean in it than in the whole run, nothing is scored in it, or its length is what paces the run.
    """
    assert study.halving is not None
    lengths = {trial.config.steps for trial in trials}
    if len(lengths) > 1:
        raise UserError(f"halving: the arms have {sorted(lengths)} steps; accepted: the same for all")
    try:
        found = study.halving.budgets(lengths.pop())
    except ValueError as error:
        raise UserError(f"halving: {error}") from None
    for trial in trials[: len(study.arms)]:
        if paced := trial.config.paced_by_steps():
            raise UserError(
                f"halving: {paced[0]} of arm {trial.arm!r} depends on steps: a shorter run is no part of it"
            )
        for steps in found[:-1]:
            _check_rung(trial, steps)
    return found


def _check_rung(trial: Trial, steps: int) -> None:
    short = at(trial, steps).config
    try:
        check_last_cycle(short)
    except UserError as error:
        raise UserError(f"halving: arm {trial.arm!r} at {steps} steps: {error}") from None
    for name, voice in trial.config.parsed_voices().items():
        if isinstance(voice, Follower):
            continue
        here, whole = mean_of_voice(short, name), mean_of_voice(trial.config, name)
        if abs(here - whole) > SAME_MEAN * max(abs(here), abs(whole)):
            raise UserError(
                f"halving: in the first {steps} steps of arm {trial.arm!r} the voice {name!r} has the mean {here:g}, "
                f"in the whole run {whole:g}; make every rung a whole number of its cycles"
            )


def best(study: Study, results: Sequence[TrialResult], arms: Sequence[str], number: int) -> list[str]:
    """The arms that go on, in the order of the study: of those with the fewest failed seeds, those of the best mean.

    A mean over the seeds that survived says nothing of those that did not, so it decides only where as many did.

    Args:
        study: says which scores are better.
        results: of a rung.
        arms: that were in it.
        number: how many go on; one without a score never does.
    """
    found = {arm: list(scores_of(results, arm, study.metric).values()) for arm in arms}
    sign = -1.0 if study.direction == "higher" else 1.0
    ranks = {arm: (-len(scores), sign * float(np.mean(scores))) for arm, scores in found.items() if scores}
    ranked = sorted(ranks, key=ranks.__getitem__)[:number]
    return [arm for arm in arms if arm in ranked]

"""The trials of a study: arms × seeds resolved to configurations before anything runs, and the scores of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import UserError
from lab.phase import Follower
from lab.studies.model import Study
from lab.training.config import RunConfig, as_mapping, load_yaml, resolve
from lab.training.metrics import Metrics, last_cycle
from lab.training.plugins import preset_path
from lab.training.trainer import TrainerPlugin

EVALUATION = "evaluation/"
SAME_MEAN = 1e-3
"""Means of a voice that differ by no more than this share are the same."""
MOST_STEPS = 1_000_000
"""Longer runs are looked at on so many steps."""


@dataclass(frozen=True)
class Trial:
    """One arm with one seed; its run directory is ``path``."""

    arm: str
    seed: int
    config: RunConfig
    path: Path

    @property
    def key(self) -> str:
        """The name of the run directory."""
        return self.path.name


def plan(study: Study, plugin: TrainerPlugin, runs: Path) -> list[Trial]:
    """Every trial with its resolved configuration, seed by seed so that a study that is cut short has whole pairs.

    Args:
        runs: the directory of run directories; trials lie in ``runs/<study>/<arm>-s<seed>``.

    Raises:
        UserError: a configuration is refused (the arm is named), or nothing would be scored in the last cycle.
    """
    preset = load_yaml(preset_path(plugin, study.preset))
    trials = []
    for seed in study.seeds:
        for arm in study.arms:
            try:
                config = resolve(plugin.config_type(), preset, study.changes(arm, seed))
                check_last_cycle(config)
            except UserError as error:
                raise UserError(f"arm {arm!r}: {error}") from None
            trials.append(Trial(arm, seed, config, runs / study.name / f"{arm}-s{seed}"))
    if study.response is not None and study.response.init_from is None:
        _check_response(study.response.voice, trials[: len(study.arms)])
    return trials


def _check_response(voice: str, trials: Sequence[Trial]) -> None:
    """Refuse a response study whose arms differ in more than where their voice stands in the cycle.

    Raises:
        UserError: the voice is none that can be slid, or its mean over a run depends on where it is slid to.
    """
    settings = trials[0].config.voices.get(voice)
    accepted = "a voice with a wave, or one that follows another voice in phase (relation in_phase or shifted)"
    if not isinstance(settings, Mapping) or settings.get("relation", "in_phase") not in ("in_phase", "shifted"):
        raise UserError(f"response.voice {voice!r}: it is {settings!r}; accepted: {accepted}")
    means = [mean_of_voice(trial.config, voice) for trial in trials]
    if max(means) - min(means) > SAME_MEAN * max(map(abs, means)):
        raise UserError(
            f"response.voice {voice!r}: its mean over the run would be {min(means):g} at one offset and {max(means):g} "
            f"at another; make steps ({trials[0].config.steps}) a whole number of its cycles"
        )


def mean_of_voice(config: RunConfig, name: str) -> float:
    """The mean of a voice over the steps of a run.

    Raises:
        UserError: it follows what is measured.
    """
    voice = config.parsed_voices()[name]
    if isinstance(voice, Follower):
        raise UserError(f"response.voice {name!r}: it follows the measured {voice.source}, which has no cycle")
    steps = np.arange(config.steps)
    if config.steps > MOST_STEPS:
        steps = np.unique(np.linspace(0, config.steps - 1, MOST_STEPS).astype(np.int64))
    return float(np.mean(voice(steps)))


def check_last_cycle(config: RunConfig) -> None:
    """Refuse a run in whose last whole cycle nothing is evaluated.

    Raises:
        UserError: says where that cycle is.
    """
    if not _evaluations(config):
        start, stop = last_cycle(config.parsed_clock(), config.steps)
        raise UserError(
            f"evaluate_every is {config.evaluate_every}: no evaluation falls in the last whole cycle, "
            f"steps {start + 1} to {stop}, and scores are means over it"
        )


def cautions(trials: Sequence[Trial]) -> list[str]:
    """What a reader should know of how the trials are scored, a sentence each."""
    once = list(dict.fromkeys(trial.arm for trial in trials if _evaluations(trial.config) == 1))
    if not once:
        return []
    arms = "every arm" if len(once) == len({trial.arm for trial in trials}) else ", ".join(once)
    return [f"One evaluation falls in the last whole cycle ({arms}): the score is of one phase, not a mean over them."]


def _evaluations(config: RunConfig) -> int:
    """How many evaluations a score is the mean of."""
    start, stop = last_cycle(config.parsed_clock(), config.steps)
    inside = stop // config.evaluate_every - start // config.evaluate_every
    return inside + (stop == config.steps and stop % config.evaluate_every != 0)


def scores(trial: Trial) -> dict[str, float]:
    """What a finished trial is judged by.

    For each column ``evaluation/X`` of its log: ``X``, the mean over the last whole cycle of the clock, and ``X.last``,
    the newest value. The first favours no phase of the learning rate; the second does.
    """
    metrics = Metrics.read(trial.path)
    clock = trial.config.parsed_clock()
    found = {}
    for name in sorted(metrics.names()):
        if name.startswith(EVALUATION):
            short = name.removeprefix(EVALUATION)
            found[short] = metrics.over_last_cycle(name, clock, trial.config.steps)
            found[f"{short}.last"] = metrics.last(name)
    return found


def check_columns(study: Study, known: Sequence[str]) -> None:
    """Refuse a study whose metric or columns its trials do not measure.

    Args:
        known: the scores of a trial.

    Raises:
        UserError: names the column and what there is.
    """
    for name in study.shown:
        if name not in known:
            raise UserError(f"{study.name}: no score is called {name!r}; the trials have {', '.join(known)}")


def differences(before: Mapping[str, Any], config: RunConfig) -> list[str]:
    """What the configuration changes against one that a run was made with, as ``key: before -> now``."""
    old, new = _flat(before), _flat(as_mapping(config))
    missing = "nothing"
    return [
        f"{key}: {old.get(key, missing)} -> {new.get(key, missing)}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, missing) != new.get(key, missing)
    ]


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat

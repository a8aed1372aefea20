"""Writes what a study found: trials.csv, summary.json, figures, provenance.json, and the page summary.md over them.

All of it is meant to be committed: it records what a stranger needs, and no path that only one machine has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.studies.page import markdown
from lab.studies.progress import duration
from lab.studies.sentences import record
from lab.studies.store import Store
from lab.studies.summary import Summary
from lab.studies.trials import Trial
from lab.training.run import PROVENANCE, Run

OF_TRIALS = ("version", "git", "packages", "python", "platform", "device", "device_name", "threads")
"""What a study takes over from the provenance of its trials: their circumstances, not those of the writing."""
STACKED = "trials in stacks, whose scores agree with those of trials run alone within float32 rounding, not to the bit"


def write_results(
    store: Store,
    summary: Summary,
    trials: Sequence[Trial],
    command: str,
    sessions: Sequence[Mapping[str, Any]],
    elsewhere: Mapping[str, Any],
) -> None:
    """Write everything in ``store`` that is for readers.

    Args:
        command: what makes this study, for the page.
        sessions, elsewhere: see :func:`write_provenance`.
    """
    from lab.reports.study_figures import study_figures

    store.write_trials(summary.trials)
    store.write_json("summary.json", record(summary))
    provenance = write_provenance(store, trials, sessions, elsewhere)
    out = store.path / "figures"
    figures = [(str(saved.path.relative_to(store.path)), saved.alt) for saved in study_figures(store.path, out)]
    store.write("summary.md", markdown(summary, command, figures, _circumstances(provenance)))


def write_provenance(
    store: Store, trials: Sequence[Trial], sessions: Sequence[Mapping[str, Any]], elsewhere: Mapping[str, Any]
) -> dict[str, Any]:
    """Write provenance.json, and return what it says.

    Args:
        sessions: every call that ran trials: command, start, seconds, trials ended, jobs, engine.
        elsewhere: the provenance of trials whose runs are not here; empty if all are.
    """
    made = [Run.open(trial.path).provenance for trial in trials if (trial.path / PROVENANCE).is_file()]
    processes = [process for first in made for process in (first, *first.get("resumed", ())) if "command" in process]
    common = {
        key: _one_or_all([*_all(elsewhere.get(key)), *(process.get(key) for process in processes)]) for key in OF_TRIALS
    }
    provenance = {**common, "sessions": [dict(session) for session in sessions]}
    store.write_json(PROVENANCE, provenance)
    return provenance


def _all(value: Any) -> Sequence[Any]:
    """What :func:`_one_or_all` made its answer of."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _one_or_all(values: Sequence[Any]) -> Any:
    """The value that all trials have, or the list of those that differ: trials of two versions are no equal trials."""
    distinct = [value for place, value in enumerate(values) if value not in values[:place]]
    return distinct[0] if len(distinct) == 1 else distinct or None


def _circumstances(provenance: Mapping[str, Any]) -> str:
    if provenance["version"] is None:
        return "No trial began."
    commits, sessions = _words(provenance["git"], "commit", "dirty"), provenance["sessions"]
    made = (
        f"phase-lab {_words(provenance['version'])}{f', commit {commits}' if commits else ''}, "
        f"Python {_words(provenance['python'])}, torch {_words(provenance['packages'], 'torch')}; "
        f"{_words(provenance['device_name'])} ({_words(provenance['device'])})"
    )
    if not sessions:
        return f"{made}."
    times = f" in {len(sessions)} sessions" if len(sessions) > 1 else ""
    jobs = max(session["jobs"] for session in sessions)
    took = duration(sum(session["seconds"] for session in sessions))
    stacked = any(session.get("engine") == "stacked" for session in sessions)
    at_once = f"{jobs} processes at once, {STACKED}" if stacked else f"{jobs} trials at once"
    return f"{made}, {at_once}, one thread each; {took}{times}."


def _words(value: Any, key: str = "", note: str = "") -> str:
    """A value of the provenance, or all that the trials had, in a few words."""
    values = value if isinstance(value, list) else [value]
    if not key:
        return " and ".join(str(item) for item in values)
    return " and ".join(f"{str(item[key])[:10]}{' with changes' if item.get(note) else ''}" for item in values if item)

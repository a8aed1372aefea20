"""Writes what a study found: trials.csv, summary.json, figures, provenance.json, and the page summary.md over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lab
from lab.studies.progress import duration
from lab.studies.store import Store
from lab.studies.summary import Summary
from lab.studies.tables import markdown
from lab.studies.trials import Trial
from lab.training.provenance import git_commit
from lab.training.run import PROVENANCE, Run

OF_TRIAL = ("version", "packages", "python", "platform", "device", "device_name", "threads")
"""What a study takes over from the provenance of its trials."""


def write_results(store: Store, summary: Summary, trials: Sequence[Trial], session: Mapping[str, Any]) -> None:
    """Write everything in ``store`` that is for readers.

    Args:
        session: this call: command, start, seconds, trials run, jobs. A call that ran trials joins those before.
    """
    from lab.reports.study import study_figures

    store.write_trials(summary.trials)
    store.write_json("summary.json", summary.to_json())
    provenance = _provenance(store, trials, session)
    store.write_json("provenance.json", provenance)
    out = store.path / "figures"
    figures = [(str(saved.path.relative_to(store.path)), saved.alt) for saved in study_figures(store.path, out)]
    store.write("summary.md", markdown(summary, str(session["command"]), figures, _circumstances(provenance)))


def _provenance(store: Store, trials: Sequence[Trial], session: Mapping[str, Any]) -> dict[str, Any]:
    made = next((Run.open(t.path).provenance for t in trials if (t.path / PROVENANCE).is_file()), {})
    path = store.path / PROVENANCE
    before = json.loads(path.read_text(encoding="utf-8"))["sessions"] if path.is_file() else []
    return {
        "git": git_commit(Path(lab.__file__).resolve().parent.parent),
        **{key: made.get(key) for key in OF_TRIAL},
        "sessions": [*before, dict(session)] if session["trials"] or not before else before,
    }


def _circumstances(provenance: Mapping[str, Any]) -> str:
    sessions = provenance["sessions"]
    git = provenance["git"] or {}
    commit = f", commit {git['commit'][:10]}{' with changes' if git['dirty'] else ''}" if git else ""
    times = f" in {len(sessions)} sessions" if len(sessions) > 1 else ""
    jobs = max(session["jobs"] for session in sessions)
    torch = (provenance["packages"] or {}).get("torch", "unknown")
    return (
        f"phase-lab {provenance['version']}{commit}, Python {provenance['python']}, torch {torch}; "
        f"{provenance['device_name']} ({provenance['device']}), {jobs} trials at once, one thread each; "
        f"{duration(sum(session['seconds'] for session in sessions))}{times}."
    )

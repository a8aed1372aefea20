"""Conducts a study: checks everything, runs what is not done yet, writes what was found."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.errors import Interrupted, RunError, UserError
from lab.studies.engines import Engine, LocalEngine
from lab.studies.halving import STEPS, at, best, budgets
from lab.studies.model import SHIPPED, Study
from lab.studies.progress import StudyProgress
from lab.studies.result import TrialResult
from lab.studies.store import TRIALS, Store
from lab.studies.summary import Summary, summarise
from lab.studies.trials import EVALUATION, Trial, cautions, check_columns, differences, plan, scores
from lab.studies.write import write_provenance, write_results
from lab.training import plugins
from lab.training.config import as_mapping, resolve
from lab.training.paths import data_root, results_root, runs_root
from lab.training.run import CONFIG, Run

RUNG = "rung-{}.csv"
"""The table of a rung of so many steps."""
SHOWN = 4
"""Differences listed in one refusal."""


@dataclass(frozen=True)
class Conditions:
    """How a study is run, as against what it is: on a CPU only ``engine`` changes its numbers, by float32's rounding.

    Attributes:
        command: what the user typed, for the page.
        results, data_dir: as on the command line; None for the defaults.
        jobs: processes at once; None for one a core.
        engine: how trials are dealt out to processes.
        retry_failed: run trials again that failed before.
        keep: count finished trials of trials.csv whose runs are not here: a study that goes on where it was committed.

    Raises:
        UserError: fewer than one process.
    """

    command: str
    results: str | Path | None = None
    data_dir: str | Path | None = None
    jobs: int | None = None
    engine: Engine = field(default_factory=LocalEngine)
    retry_failed: bool = False
    keep: bool = False

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"--jobs is {self.jobs}; at least 1 process is needed")


@dataclass
class Progressed:
    """Where a study stands: the results so far by trial key, and the calls that brought it there, this one last.

    ``made`` is the provenance of trials that were run elsewhere.
    """

    trials: Sequence[Trial]
    results: dict[str, TrialResult] = field(default_factory=dict)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    table_name: str = TRIALS

    def table(self) -> list[TrialResult]:
        """Every planned trial in the plan's order, those not run yet as missing."""
        return [
            self.results.get(t.key, TrialResult(t.arm, t.seed, "missing", "not run to its end")) for t in self.trials
        ]

    def left(self) -> list[Trial]:
        """The trials that have not ended."""
        return [trial for trial in self.trials if trial.key not in self.results]

    def begin_session(self, command: str, jobs: int, engine: str) -> None:
        """Enter this call: it will run trials."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        session = {"command": command, "started": started, "seconds": 0.0, "trials": 0, "jobs": jobs, "engine": engine}
        self.sessions.append(session)

    def end_trial(self, key: str, result: TrialResult) -> None:
        """Enter a trial that this call ran to its end."""
        self.results[key] = result
        self.sessions[-1]["trials"] += 1

    def note(self, store: Store) -> None:
        """Write trials.csv and provenance.json as of now."""
        self.sessions[-1]["seconds"] = round(time.monotonic() - self.began, 1)
        store.write_trials(self.table(), self.table_name)
        write_provenance(store, self.trials, self.sessions, self.made)


def prepare(study: Study, results: str | Path | None = None) -> list[Trial]:
    """Every trial of the study, resolved and checked; nothing is written.

    Raises:
        UserError: the trainer is unknown, an arm's configuration is refused, or a trial was run with other settings.
    """
    place = runs_root(results) / study.name
    if (place / CONFIG).is_file():
        raise UserError(
            f"{place}: a run has the study's name, and its trials belong there; give the study another name"
        )
    trials = plan(study, plugins.trainer(study.trainer), runs_root(results))
    for trial in trials:
        _check_unchanged(trial, longer=study.halving is not None)
    if study.halving is not None:
        budgets(study, trials)
    return trials


def conduct(study: Study, conditions: Conditions) -> Summary:
    """Run the study to its end and write ``results/<study>/``; trials that are done are not run again.

    Raises:
        UserError: the study cannot be run as it stands; nothing has been changed.
        RunError: another process runs it, or one of its trials was stopped.
    """
    conditions.engine.check(study)
    trials = prepare(study, conditions.results)
    _check_sources(trials)
    store = Store(results_root(conditions.results) / study.name)
    with store.lock():
        before = {(result.arm, result.seed): result for result in store.trials()}
        if conditions.keep and study.halving is not None:
            raise UserError("--keep: which arms go on is decided here; accepted: a study without halving")
        plugin = plugins.trainer(study.trainer)
        kept = {f"{t.arm}-s{t.seed}": t for t in store.kept(study, plugin)} if conditions.keep else {}
        made = store.made() if kept else {}
        recorded, late = store.state(study, plugin)
        # Committed results without their runs, as a clone has them: all is run again, and only that is then reported.
        begun = any((trial.path / CONFIG).is_file() for trial in trials)
        now = Progressed(trials, sessions=store.sessions() if begun or kept else [], made=made)
        for trial in trials:
            known = before.get((trial.arm, trial.seed))
            if known and _stands(trial, known, conditions.retry_failed):
                now.results[trial.key] = known
            elif trial.key in kept and not (trial.path / CONFIG).is_file():
                now.results[trial.key] = kept[trial.key]
        earlier = len(now.sessions)
        if now.left():  # from here on a row that a kill leaves is of a run that is here
            store.write_trials(now.table())
            _forget_rungs(store, trials)
        try:
            if study.halving is None:
                _run(study, now, store, conditions)
            else:
                _halve(study, now, store, conditions)
        except KeyboardInterrupt:
            if now.left() and len(now.sessions) > earlier:
                now.note(store)
            done = f"{len(now.results)} of {len(trials)} trials done"
            raise Interrupted(f"study {study.name} stopped, {done}; the same command goes on", signal.SIGINT) from None
        summary = summarise(recorded, now.table(), late, cautions(trials))
        write_results(store, summary, trials, conditions.command, now.sessions, made)
    return summary


def _forget_rungs(store: Store, trials: Sequence[Trial]) -> None:
    """Leave in the tables of rungs only rows of runs that are here."""
    here = {trial.key for trial in trials if (trial.path / CONFIG).is_file()}
    for path in store.path.glob(RUNG.format("*")):
        kept = [row for row in store.trials(path.name) if f"{row.arm}-s{row.seed}" in here]
        store.write_trials(kept, path.name)


def _check_unchanged(trial: Trial, longer: bool) -> None:
    """Refuse a trial that was run with other settings; where it may be trained for ``longer``, but for fewer steps."""
    if not (trial.path / CONFIG).is_file():
        return
    before = Run.open(trial.path).config
    with suppress(UserError):  # a field that the run's version did not know yet has its default
        before = as_mapping(resolve(type(trial.config), before))
    if longer and before.get("steps", 0) < trial.config.steps:
        before = {**before, "steps": trial.config.steps}
    changed = differences(before, trial.config)
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        raise UserError(
            f"trial {trial.key} was run with other settings ({'; '.join(changed[:SHOWN])}{more}); "
            f"delete {trial.path.parent} to run the study anew, or give it another name"
        )


def _check_sources(trials: Sequence[Trial]) -> None:
    """Refuse a study whose trials begin with runs that are not there, before any of them is begun.

    Raises:
        UserError: the first of them is named, and the shipped study that it belongs to.
    """
    for trial in trials:
        wanted = trial.config.init_from
        if wanted is None or (trial.path / CONFIG).is_file():
            continue
        from lab.training.initial import check  # torch, only where it is needed

        try:
            check(wanted, trial.seed, trial.path.parent)
        except UserError as error:
            first = wanted.run.partition("/")[0]
            hint = f"; first run: lab study {first}" if (SHIPPED / f"{first}.yaml").is_file() else ""
            raise UserError(f"arm {trial.arm!r}: {error}{hint}") from None


def _stands(trial: Trial, known: TrialResult, retry_failed: bool) -> bool:
    if not (trial.path / CONFIG).is_file():
        return False
    return known.status == "finished" or (known.status == "failed" and not retry_failed)


def _run(study: Study, now: Progressed, store: Store, conditions: Conditions) -> None:
    """Run what is left, noting at each trial's end what a kill would otherwise lose."""
    left = now.left()
    if not left:
        return
    engine, at_once = conditions.engine, conditions.engine.at_once(conditions.jobs)
    now.begin_session(conditions.command, at_once, engine.name)
    by_key = {trial.key: trial for trial in left}
    jobs = engine.deal(study, left, at_once, conditions.data_dir)
    with (
        engine.workers(study, left[0].path.parent, min(at_once, len(jobs))) as pool,
        StudyProgress(study.name, now.trials, study.metric) as progress,
    ):
        done = now.results.values()
        progress.already(
            [f"{r.arm}-s{r.seed}" for r in done if not r.error], [f"{r.arm}-s{r.seed}" for r in done if r.error]
        )
        stopped: list[str] = []
        checked, own = False, [] if study.halving is None else [STEPS]
        for ended in pool.run(jobs):
            if ended is None:
                progress.show(pool.running)
                columns = sorted(progress.evaluated(pool.running))
                if columns and not checked:
                    # As soon as one trial has evaluated: a misspelt metric should not cost the whole study.
                    names = [column.removeprefix(EVALUATION) for column in columns]
                    check_columns(study, [*names, *(f"{name}.last" for name in names), *own])
                    checked = True
                continue
            if ended.stopped:
                stopped.append(ended.key)
                continue
            result = _result(study, by_key[ended.key], ended.error)
            progress.ended(ended.key, result.error)
            now.end_trial(ended.key, replace(result, error=_without_places(result.error, conditions)))
            now.note(store)
    if stopped:  # by a signal of its own: it did not fail, and there is no verdict without it
        raise RunError(f"study {study.name}: trial {stopped[0]} was stopped; the same command goes on with it")


def _halve(study: Study, now: Progressed, store: Store, conditions: Conditions) -> None:
    """Run all arms for the steps of the first rung, the best of them for those of the next, and so on.

    Each rung has a table of its own, from which a study that was killed knows which arms went on.
    """
    assert study.halving is not None
    arms, rungs = list(study.arms), budgets(study, now.trials)
    now.results.clear()
    for steps, number in zip(rungs, study.halving.kept(len(arms)), strict=True):
        if number < len(arms):
            arms = best(study, now.table(), arms, number)
        going = [t for t in now.trials if t.arm in arms and (t.key not in now.results or not now.results[t.key].error)]
        table = RUNG.format(steps)
        known = {f"{result.arm}-s{result.seed}": result for result in store.trials(table)}
        done = {
            t.key: known[t.key] for t in going if t.key in known and _stands(t, known[t.key], conditions.retry_failed)
        }
        rung = Progressed([at(t, steps) for t in going], done, now.sessions, now.made, table_name=table)
        _run(study, rung, store, conditions)
        now.results |= rung.results
        store.write_trials(now.table())


def _without_places(text: str, conditions: Conditions) -> str:
    """The text with paths as a stranger can follow them; trials.csv is meant to be committed, and read elsewhere."""
    places = {
        results_root(conditions.results): "results",
        data_root(conditions.data_dir): "data",
        Path.cwd(): ".",
        Path.home(): "~",
    }
    for place, name in sorted(places.items(), key=lambda item: -len(str(item[0].absolute()))):
        text = text.replace(f"{place.absolute()}/", f"{name}/")
    return text


def _result(study: Study, trial: Trial, error: str) -> TrialResult:
    if not error:
        found = scores(trial) | ({} if study.halving is None else {STEPS: float(trial.config.steps)})
        check_columns(study, list(found))
        if math.isfinite(found[study.metric]):
            return TrialResult(trial.arm, trial.seed, "finished", scores=found)
        error = f"its score {study.metric} is {found[study.metric]}"
    return TrialResult(trial.arm, trial.seed, "failed", error)

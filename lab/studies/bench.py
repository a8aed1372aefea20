"""How much of the cores a study of many short trials uses: what starting, noting, summing up and drawing cost it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.door import jsons
from lab.errors import UserError
from lab.studies.conduct import Conditions, conduct
from lab.studies.engines import Engine, Workers
from lab.studies.model import Study
from lab.studies.pool import Job
from lab.studies.trials import Trial

TRIALS, SHORT = 200, 20
SECONDS = 1.0
"""CPU time of a trial."""
PROBES = (100, 400)
"""Steps of the two trials from whose times the number of steps of such a trial follows."""
STUDY = {
    "hypothesis": "none: it measures the cores",
    "trainer": "gan",
    "preset": "ring",
    "set": {"device": "cpu"},
    "metric": "good",
    "direction": "higher",
}


@dataclass(frozen=True)
class Timed:
    """An engine whose jobs write down how long they were at work."""

    engine: Engine

    @property
    def name(self) -> str:
        """That of the engine."""
        return self.engine.name

    def check(self, study: Study) -> None:
        """As the engine does."""
        self.engine.check(study)

    def at_once(self, jobs: int | None) -> int:
        """As the engine does."""
        return self.engine.at_once(jobs)

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """The engine's jobs, each with a clock."""
        return [_clocked(job) for job in self.engine.deal(study, trials, jobs, data_dir)]

    def workers(self, study: Study, folder: Path, jobs: int) -> AbstractContextManager[Workers]:
        """As the engine does."""
        return self.engine.workers(study, folder, jobs)


def use_of_cores(engine: Engine, jobs: int | None = None, short: bool = False) -> dict[str, Any]:
    """Run a study of one-second trials and compare the time that they were at work with the time that there was.

    Args:
        engine: what runs them.
        jobs: trials at once; None for one a core.
        short: few trials, of which starting and summing up are a larger share.

    Returns:
        ``busy``: the seconds that passed in trials over (seconds × jobs), which other work on the machine does not
        lower; ``used``: the same of the CPU seconds that the trials had; and what they are made of.
    """
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs is {jobs}; at least 1 process is needed")
    engine.check(Study.model_validate({**STUDY, "name": "bench", "seeds": 1, "arms": {"a": {}}}))
    steps = _steps_for(SECONDS, engine)
    trials = SHORT if short else TRIALS
    began = time.perf_counter()
    times = _run(engine, {"all": steps}, trials, jobs)
    seconds, at_once = time.perf_counter() - began, engine.at_once(jobs)
    cpu, wall = sum(of["cpu"] for of in times), sum(of["wall"] for of in times)
    return {
        "engine": engine.name,
        "trials": trials,
        "steps": steps,
        "jobs": at_once,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "used": round(cpu / (seconds * at_once), 4),
        "busy": round(wall / (seconds * at_once), 4),
    }


def _steps_for(seconds: float, engine: Engine) -> int:
    """Steps of a trial of so many CPU seconds, from two trials: their difference is free of what every trial costs."""
    few, many = PROBES
    short, long = (of["cpu"] for of in _run(engine, {f"of-{steps}": steps for steps in PROBES}, 1, 1))
    each = max(long - short, 1e-3) / (many - few)
    return max(few, ceil(few + (seconds - short) / each))


def _run(engine: Engine, arms: Mapping[str, int], seeds: int, jobs: int | None) -> list[Mapping[str, float]]:
    """The times of the trials of a study whose arms have so many steps."""
    with TemporaryDirectory(prefix="lab-bench-") as results:
        named = {arm: {"steps": n, "evaluate_every": n, "checkpoint_every": n} for arm, n in arms.items()}
        study = Study.model_validate({**STUDY, "name": "bench", "seeds": seeds, "arms": named})
        conduct(study, Conditions("lab bench studies", results=results, jobs=jobs, engine=Timed(engine)))
        runs = Path(results, "runs", "bench")
        return [
            jsons.numbers(jsons.parse((runs / f"{arm}-s{seed}.times").read_bytes()))
            for seed in study.seeds
            for arm in study.arms
        ]


def _clocked(job: Job) -> Job:
    return Job(job.keys, job.folder, _timed, (job.keys[0], job.work, *job.arguments))


def _timed(folder: Path, key: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """The work, and beside its run how long it took, of the wall's time and of this process's."""
    began, before = time.perf_counter(), time.process_time()
    try:
        return work(folder, *arguments)
    finally:
        times = {"step": 0, "wall": time.perf_counter() - began, "cpu": time.process_time() - before}
        (folder / f"{key}.times").write_text(json.dumps(times))

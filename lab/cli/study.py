"""`lab study`: arms × seeds of one trainer from one file, with statistics and a verdict."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.studies.model import Study
    from lab.studies.summary import Summary
    from lab.studies.trials import Trial


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab study`` to the command line."""
    from lab.cli import options

    parser: Any = subparsers.add_parser(
        "study",
        help="run a study: arms × seeds, statistics, a verdict",
        description="Run every arm of a study with every seed, in single-threaded processes, one a core; then compare. "
        "Finished trials are never run again: after a kill, the same command goes on where the study was.",
    )
    parser.add_argument("study", metavar="FILE", help="a study file, or the name of a shipped study")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at once (default: one a core)")
    parser.add_argument(
        "--engine",
        choices=("local", "stacked", "ray"),
        default="local",
        help="local: each trial in a process of its own. stacked: fully connected networks of one shape, several to a "
        "process as one batched program, which saves more the smaller they are; their scores agree with local ones "
        "within float32 rounding, not to the bit; trials that cannot be stacked run as with local. ray: each trial a "
        "task of Ray (needs the extra ray), on this machine or at --address; the same numbers as local",
    )
    parser.add_argument("--stack", type=int, metavar="N", help="most trials of a process with --engine stacked (16)")
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="with --engine ray: a cluster of Ray that this machine belongs to (default: a Ray of this machine alone, "
        "on the loopback, that ends with the study)",
    )
    parser.add_argument("--trial-cpus", type=float, metavar="N", help="CPUs that a trial asks Ray for (1)")
    parser.add_argument("--trial-gpus", type=float, metavar="N", help="GPUs that a trial asks Ray for, or a part (0)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change the study file, e.g. seeds=3, or set.steps=500 for the trainer's steps; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, list the trials, run nothing")
    parser.add_argument("--retry-failed", action="store_true", help="run trials again that failed before")
    parser.add_argument(
        "--keep", action="store_true", help="go on with committed results whose runs are not here (a fresh clone)"
    )
    options.add_json_option(parser)
    options.add_results_option(parser)
    options.add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the study; 0 when it is complete, even if trials failed or the hypothesis did, 1 where no trial finished."""
    from lab.door.text import one_line
    from lab.studies.conduct import Conditions, conduct, prepare
    from lab.studies.engines import engine as engine_of
    from lab.studies.model import find_study, load_study
    from lab.studies.sentences import record
    from lab.studies.trials import cautions

    path = find_study(args.study)
    study = load_study(path, args.set)
    engine = engine_of(
        args.engine, stack=args.stack, address=args.address, trial_cpus=args.trial_cpus, trial_gpus=args.trial_gpus
    )
    engine.check(study)
    trials = prepare(study, args.results)
    for caution in cautions(trials):
        print(f"lab: warning: {one_line(caution)}", file=sys.stderr)
    if args.dry_run:
        _show_plan(study, trials)
        return 0
    # The page is read on other machines: a file is called by its name, wherever it lies.
    named = path.name if path.is_absolute() and args.study == str(path) else args.study
    changes = [change.replace(study.preset, Path(study.preset).name) for change in args.set]
    shown = ["lab", "study", named, *(word for change in changes for word in ("--set", change))]
    if engine.name != "local":
        shown += ["--engine", engine.name]
    summary = conduct(
        study,
        Conditions(
            command=shlex.join(shown),
            results=args.results,
            data_dir=args.data_dir,
            jobs=args.jobs,
            engine=engine,
            retry_failed=args.retry_failed,
            keep=args.keep,
        ),
    )
    if args.json:
        print(json.dumps(record(summary), indent=2, allow_nan=False))
    else:
        show(summary, args.results)
    return 1 if len(summary.failed) == len(summary.trials) else 0


def show(summary: Summary, results: str | None) -> None:
    """Print what a study found, and where it lies."""
    from rich.console import Console

    from lab.studies.sentences import verdict_line
    from lab.studies.tables import scores_table, verdicts_table
    from lab.training.paths import results_root, runs_root

    console = Console(highlight=False)
    console.print(f"\n[bold]{_plain(summary.study.heading)}[/bold]")
    console.print(rich_table(scores_table(summary)))
    if summary.comparisons:
        console.print(rich_table(verdicts_table(summary)))
    console.print(_plain(verdict_line(summary)))
    if summary.failed:
        console.print(f"{len(summary.failed)} of {len(summary.trials)} trials have no score; summary.md says why")
    name = summary.study.name
    print(f"results: {results_root(results) / name / 'summary.md'}\nruns:    {runs_root(results) / name}")


def _show_plan(study: Study, trials: Sequence[Trial]) -> None:
    from lab.studies.statistics import smallest_p

    steps = _steps(study, trials)
    print(f"{study.heading}\nhypothesis: {' '.join(study.hypothesis.split())}")
    print(f"{len(study.arms)} arms x {len(study.seeds)} seeds = {len(trials)} trials, {steps:,} steps in all")
    if study.halving is not None:
        from lab.studies.halving import budgets

        rungs = zip(study.halving.kept(len(study.arms)), budgets(study, trials), strict=True)
        print("halving: " + ", then ".join(f"{arms} arms to step {steps:,}" for arms, steps in rungs))
    for arm, changes in study.arms.items():
        print(f"  {arm}: {json.dumps(dict(changes)) if changes else 'nothing further'}")
    if study.compare:
        reachable = smallest_p(len(study.seeds), len(study.compare))
        can = "can" if reachable < study.alpha else "CANNOT"
        print(
            f"smallest p that this many seeds ({len(study.seeds)}) and comparisons ({len(study.compare)}) can show: "
            f"{reachable:.2g}; the study {can} reach a verdict at alpha {study.alpha:g}"
        )


def _steps(study: Study, trials: Sequence[Trial]) -> int:
    """How many steps are trained, if no trial fails."""
    if study.halving is None:
        return sum(trial.config.steps for trial in trials)
    from lab.studies.halving import budgets

    rungs, arms = budgets(study, trials), study.halving.kept(len(study.arms))
    more = [stop - start for start, stop in zip([0, *rungs], rungs, strict=False)]
    return len(study.seeds) * sum(number * steps for number, steps in zip(arms, more, strict=True))


def rich_table(table: tuple[list[str], list[list[str]]], first: int | None = None) -> Any:
    """A table for the terminal.

    Args:
        table: header, rows.
        first: how wide the first column is at least; all others then fold too, and lines part the rows.
    """
    from rich import box
    from rich.table import Table

    header, rows = table
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_lines=first is not None)
    for place, cell in enumerate(header):
        least = None if place else first
        drawn.add_column(_plain(cell), overflow="fold", no_wrap=place > 0 and first is None, min_width=least)
    for row in rows:
        drawn.add_row(*(_plain(cell) for cell in row))
    return drawn


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)

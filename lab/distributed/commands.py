"""`lab distributed`: what it has beside `train`, and how a process takes part in a run that several train."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.cli import options
from lab.errors import Interrupted, RunError, UserError

if TYPE_CHECKING:
    from lab.distributed.config import DistributedConfig
    from lab.distributed.processes import Place, Processes


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Of `lab distributed train`."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="K",
        help="how many workers (default: those of the file, else torchrun's, else 2)",
    )
    _add_patience(parser)


def _add_patience(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="within which the address where torchrun's workers meet must answer (default 10)",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: seconds above 0")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a whole number ≥ 1")
    return int(text)


def sets(args: argparse.Namespace) -> list[str]:
    """What the options change in the configuration."""
    started = os.environ.get("WORLD_SIZE") if "RANK" in os.environ else None
    count = args.workers if args.workers is not None else started
    return [] if count is None else [f"workers.count={count}"]


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    work = subparsers.add_parser("work", help="be one process of a run that a launcher started (done by train)")
    options.add_run_argument(work)
    _add_patience(work)
    options.add_data_option(work)
    options.add_mirror_options(work)
    options.add_quiet_option(work)
    work.set_defaults(run=_work)
    merge = subparsers.add_parser("merge", help="make a run with the mean of the workers' weights, of their trainer")
    options.add_run_argument(merge)
    merge.add_argument("--name", help="the new run's name (default: RUN-merged)")
    options.add_data_option(merge)
    merge.set_defaults(run=_merge)
    scale = subparsers.add_parser("scale", help="bytes and time of a step against the number of workers")
    scale.add_argument("--parameters", type=_whole, metavar="N", help="of the model (default: those measured)")
    scale.add_argument("--short", action="store_true", help="measure for a few seconds only")
    options.add_results_option(scale)
    options.add_json_option(scale)
    scale.set_defaults(run=_scale)
    intervals = subparsers.add_parser("intervals", help="draw a study's score against the interval between averages")
    intervals.add_argument("study", metavar="STUDY", help="the name of a study under results/, of this trainer")
    options.add_results_option(intervals)
    intervals.set_defaults(run=_intervals)


def take_part(args: argparse.Namespace, config: DistributedConfig, preset: str) -> int | None:
    """Train a new run as one of torchrun's processes; None where there is no torchrun.

    Started again after a death, worker 0 goes on with the run of before.

    Raises:
        UserError: torchrun was asked for another number of processes, or for workers that take turns in one.
    """
    from lab.distributed.processes import Place
    from lab.training.paths import runs_root

    if args.threads is not None:  # for the processes that this one starts
        os.environ["OMP_NUM_THREADS"] = str(args.threads)
    place = Place.found()
    if place is None:
        return None
    if config.workers.simulated and place.size > 1:
        raise UserError(f"workers.simulated: true is not accepted in {place.size} processes of torchrun; false is")
    if place.size != config.workers.count:
        raise UserError(f"workers.count: {config.workers.count} is asked for, and torchrun started {place.size}")

    def train(group: Processes) -> int:
        from lab.distributed.work import lead
        from lab.training.run import Run

        before = group.remembered()
        root = runs_root(args.results)
        run = Run.open(before) if before else Run.create(root, args.name, "distributed", config, preset=preset)
        group.remember(str(run.path.absolute()))
        try:
            return lead(group, run, args.data_dir, args.quiet, args.mirrors)
        except UserError:  # a mistake that only the data could show
            run.discard_untrained()
            raise

    return _take_place(place, args, train)


def _work(args: argparse.Namespace) -> int:
    """Be one of the processes that :mod:`lab.distributed.launch` started."""
    from lab.distributed.launch import ended
    from lab.distributed.processes import Place
    from lab.distributed.work import die_with, lead

    place = Place.found()
    if place is None:
        raise UserError("work: no launcher started this process; lab distributed train does")
    die_with(os.getppid())
    run = options.chosen_run(args)
    status = _take_place(place, args, lambda group: lead(group, run, args.data_dir, args.quiet, args.mirrors))
    return ended(status) if place.rank == 0 else 0


def _take_place(place: Place, args: argparse.Namespace, train: Callable[[Processes], int]) -> int:
    """Worker 0's exit status, of ``train``; 0 for another worker."""
    from lab.cli.main import _say
    from lab.distributed.group import LostWorkerError
    from lab.distributed.processes import joined
    from lab.distributed.work import follow

    with joined(place, args.patience) as group:
        if place.rank:
            follow(group, args.data_dir)
            return 0
        try:
            return train(group)
        except LostWorkerError:
            raise
        except UserError as error:
            return _say(error, 2)
        except RunError as error:
            return _say(error, 1)
        except Interrupted as stopped:
            return _say(stopped, stopped.status)


def _merge(args: argparse.Namespace) -> int:
    from lab.distributed.merging import merge
    from lab.training.loop import warn
    from lab.training.paths import runs_root

    run = merge(options.chosen_run(args), runs_root(args.results), args.name, args.data_dir, warn)
    print(f"{run.path}: the mean of the workers")
    print(f"next:    lab {run.trainer} evaluate {run.mention}    lab resume {run.mention}")
    return 0


def _scale(args: argparse.Namespace) -> int:
    from lab.distributed.scale_figure import report

    return report(args)


def _intervals(args: argparse.Namespace) -> int:
    from lab.distributed.intervals_figure import save_intervals
    from lab.reports import style
    from lab.training.paths import results_root

    path = results_root(args.results) / args.study
    with style.writing(path / "figures"):
        print(save_intervals(path, path / "figures").path)
    return 0

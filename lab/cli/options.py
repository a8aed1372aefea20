"""Arguments that several commands share, spelt and explained in one place."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.training.run import Run


def add_results_option(parser: argparse.ArgumentParser) -> None:
    """``--results DIR`` as ``args.results`` (``None``: see ``lab.training.paths.results_root``)."""
    parser.add_argument("--results", metavar="DIR", help="where results lie (default: $LAB_RESULTS, else ./results)")


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """``--data-dir DIR`` as ``args.data_dir`` (``None``: see ``lab.training.paths.data_root``)."""
    parser.add_argument(
        "--data-dir", metavar="DIR", help="where data lies (default: $LAB_DATA, else ~/.cache/phase-lab)"
    )


def add_run_argument(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """RUN, or RUN… if ``several``, and ``--results``; read them with :func:`chosen_run` or :func:`chosen_runs`."""
    text = "a run directory, or the name of one under runs/ of the results"
    # Not called "run": the parsers' default of that name is the function that runs the command.
    if several:
        parser.add_argument("chosen", nargs="+", metavar="RUN", help=text)
    else:
        parser.add_argument("chosen", metavar="RUN", help=text)
    add_results_option(parser)


def chosen_run(args: argparse.Namespace) -> Run:
    """The run that RUN means; a UserError lists those that exist."""
    from lab.training.run import resolve_run

    return resolve_run(args.chosen, args.results)


def chosen_runs(args: argparse.Namespace) -> list[Run]:
    """The runs that RUN… means."""
    from lab.training.run import resolve_run

    return [resolve_run(text, args.results) for text in args.chosen]


def add_set_option(parser: argparse.ArgumentParser) -> None:
    """``--set KEY=VALUE`` (repeatable) as the list ``args.set``, for ``lab.training.config.resolve``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, e.g. steps=2000 or voices.NAME.offset=0.25; the value is YAML; may be repeated",
    )


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """``--device`` as ``args.device``, ``None`` where not given."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")


def add_threads_option(parser: argparse.ArgumentParser) -> None:
    """``--threads N`` as ``args.threads``, ``None`` where not given."""
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of torch (default: as torch decides)")


def add_mirror_options(parser: argparse.ArgumentParser) -> None:
    """``--tensorboard``, ``--wandb`` … as the list ``args.mirrors`` of what they stand for."""
    from lab.training.mirrors import MIRRORS

    for kind in MIRRORS:
        text = f"mirror metrics.jsonl in {kind.program} (needs the extra {kind.name})"
        parser.add_argument(f"--{kind.name}", dest="mirrors", action="append_const", const=kind, default=[], help=text)


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """``--quiet`` as the boolean ``args.quiet``."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def add_json_option(parser: argparse._ActionsContainer) -> None:
    """``--json`` as the boolean ``args.json``."""
    parser.add_argument("--json", action="store_true", help="answer in JSON")

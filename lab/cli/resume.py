"""`lab resume RUN`: goes on with a run that was stopped or killed, as if it never had been."""

from __future__ import annotations

import argparse

from lab.cli import options


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "resume",
        help="go on with a run that was stopped or killed",
        description="Go on with a run from its newest whole checkpoint. On a CPU the end is bit-identical to that of a "
        "run that was never stopped. A larger 'steps' in the run's config.yaml trains a finished run for longer; any "
        "other change there is refused.",
    )
    options.add_run_argument(parser)
    options.add_data_option(parser)
    options.add_threads_option(parser)
    options.add_mirror_options(parser)
    options.add_quiet_option(parser)
    parser.set_defaults(run=resume)


def resume(args: argparse.Namespace) -> int:
    """Go on with the run, with the threads and the data directory it began with unless others are asked for."""
    from lab.cli.train import carry_on
    from lab.training.device import set_threads
    from lab.training.plugins import trainer

    run = options.chosen_run(args)
    before = run.provenance
    set_threads(args.threads or before.get("threads"))
    for kind in args.mirrors:
        kind.require()
    return carry_on(trainer(run.trainer), run, args.data_dir or before.get("data_dir"), args.quiet, args.mirrors)

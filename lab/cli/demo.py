"""`lab demo`: two shipped studies and one image GAN, run as a user would run them, then one table and one report."""

from __future__ import annotations

import argparse
from typing import Any

STUDIES = ("ring-demo", "curriculum-demo")
IMAGES = ("gan", "digits", "demo-digits")
"""Trainer, preset and run name of the demo's image GAN."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab demo`` to the command line."""
    from lab.cli import options

    parser: Any = subparsers.add_parser(
        "demo",
        help="both trainers on real input in a few minutes, with a report",
        description="Run two small studies and one image GAN, then write one report. What is done is not done again.",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="trials at once (default: one a core)")
    options.add_results_option(parser)
    options.add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run everything; 0 when all of it is there, even if a hypothesis failed."""
    raise NotImplementedError

"""The `lab` command: builds the parser, runs one command, turns a user's mistake into one line and exit status 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from lab.errors import RunError, UserError

COMMANDS = ("demo", "train", "resume", "schedule", "study", "plot", "report", "bench")
"""Modules of lab.cli, each with ``add_parser(subparsers)``; the parser's default ``run`` is called with the arguments."""


def parser() -> argparse.ArgumentParser:
    """The whole command line; building it imports neither torch nor matplotlib."""
    root = argparse.ArgumentParser(prog="lab", description="A training laboratory conducted by one master clock.")
    subparsers = root.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"lab.cli.{name}").add_parser(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a run that failed, 2 a mistake in what was asked."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except UserError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""The `lab` command: one module for each subcommand, and what they share."""

COMMANDS = ("demo", "train", "runs", "resume", "schedule", "stability", "study", "claims", "plot", "report", "bench")
"""Modules of lab.cli, each with ``add_parser(subparsers)``; a parser's default ``run`` is called with the arguments."""

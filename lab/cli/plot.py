"""`lab plot`: draws the figures of one run, or of several over each other."""

from __future__ import annotations

import argparse
import sys

from lab.cli.options import add_run_argument, chosen_runs
from lab.door.text import one_line


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab plot`` to the command line."""
    parser = subparsers.add_parser(
        "plot",
        help="draw the figures of a run, or of several in one",
        description="Draw schedules and what they did, the trainer's own figures, and scores. Runs that differ only in "
        "their seed are averaged with an interval; others are told apart by colour and line style.",
    )
    add_run_argument(parser, several=True)
    parser.add_argument("--out", metavar="DIR", help="where the PNG files go (default: figures/ of the first run)")
    parser.add_argument(
        "--only", metavar="NAME[,NAME]", default="", help="only these figures, by the names of their files: dynamics,…"
    )
    parser.add_argument(
        "--animate", action="store_true", help="also the phase portrait as portrait.gif, drawn along with the clock"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, and name the files."""
    from pathlib import Path

    from lab.reports.drawing import draw_runs, plugin_of
    from lab.reports.missing import LeftOut

    runs = chosen_runs(args)
    # Figures of several runs get a folder of their own, not to replace those of the first one alone.
    default = runs[0].figures if len(runs) == 1 else runs[0].figures / "compared"
    only = list(filter(None, args.only.split(",")))
    paths, out = [run.path for run in runs], Path(args.out) if args.out else default
    left = LeftOut()
    for saved in draw_runs(paths, out, only, left):
        print(f"{saved.path}  {saved.title}")
    for sentence in left.sentences():
        print(f"lab: warning: {one_line(sentence)}", file=sys.stderr)
    if args.animate:
        from lab.reports.portrait_film import film_portrait

        print(f"{film_portrait(paths, plugin_of(paths), out)}  Phase portrait, drawn along with the clock")
    return 0

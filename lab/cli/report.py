"""`lab report`: one self-contained HTML page about a run or a study."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lab.cli.options import add_results_option
from lab.door.text import one_line

LONGEST = 50
"""Characters of other names in that of a page: each may take four of the 255 bytes that a file's name may have."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab report`` to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="write one HTML page about a run or a study, or one that compares runs",
        description="Summary, tables, figures, configuration and provenance in one file that needs no network. Several "
        "runs of one trainer are compared first: scores, the settings in which they differ, learning curves.",
    )
    parser.add_argument(
        "chosen",
        nargs="+",
        metavar="RUN|STUDY",
        help="a directory, the name of a study under the results, or of a run under their runs/; several make one page",
    )
    add_results_option(parser)
    parser.add_argument(
        "--out",
        metavar="FILE.html",
        help="where to write it (default: report.html in it; of several report-with-OTHERS.html in the first)",
    )
    parser.add_argument("--title", default="", help="the page's title (default: the names of what it is about)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page, and say where it is."""
    from lab.reports.html import report

    paths = [locate(text, args.results) for text in args.chosen]
    print(report(paths, Path(args.out) if args.out else default_page(paths), args.title))
    return 0


def default_page(paths: Sequence[Path]) -> Path:
    """Where a page goes: in the first directory; that of several under a name of its own, beside the first one's."""
    others = [one_line(path.resolve().name) for path in dict.fromkeys(paths) if path != paths[0]]
    if not others:
        return paths[0] / "report.html"
    name = "-".join(others)
    if len(name) > LONGEST:
        name = f"{others[0][:LONGEST]}-and-{len(others) - 1}-more"
    return paths[0] / f"report-with-{name}.html"


def locate(text: str, results: str | None) -> Path:
    """The directory of the study or run that ``text`` means.

    Raises:
        UserError: there is neither; the message says which there are.
    """
    from lab.errors import UserError
    from lab.training.paths import results_root
    from lab.training.run import resolve_run

    root = results_root(results)
    for path in (Path(text), root / text):
        if (path / "summary.json").is_file():
            return path
    try:
        return resolve_run(text, results).path
    except UserError as error:
        studies = sorted(path.parent.name for path in root.glob("*/summary.json"))
        raise UserError(f"{error}; finished studies: {', '.join(studies) or 'none'}") from None

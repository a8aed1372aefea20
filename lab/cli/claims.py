"""`lab claims`: every claim about phase with the verdict of its study; or one of them asked again in small."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.studies.claims import Claim
    from lab.studies.finding import Finding


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab claims`` to the command line."""
    from lab.cli import options

    parser = subparsers.add_parser(
        "claims",
        help="every claim about phase: its verdict, effect, interval and best phase",
        description="List every claim about phase with what its study found, computed from the trials that the results "
        "hold. With --verify, run a small version of one claim's study, with fewer seeds and none that the study had, "
        "and compare: exit status 0 where it agrees, 1 where it does not.",
    )
    what = parser.add_mutually_exclusive_group()
    options.add_json_option(what)
    what.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    what.add_argument("--update", metavar="FILE", help="write that table between the marks of a Markdown page")
    what.add_argument("--figure", metavar="DIR", help="draw every phase response into DIR/responses.png")
    what.add_argument("--verify", metavar="NAME", help="run a small version of this claim's study and compare")
    parser.add_argument("--into", metavar="DIR", help="with --verify: keep its runs and results there, and go on there")
    parser.add_argument("--jobs", type=int, metavar="N", help="with --verify: processes at once (default: one a core)")
    options.add_results_option(parser)
    options.add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List, write, draw or verify; 1 where a verification disagrees."""
    from lab.studies.claims import find_claim, load_claims
    from lab.studies.finding import find_out
    from lab.training.paths import results_root

    if args.verify is None and (args.into or args.jobs is not None):
        raise UserError("--into and --jobs go with --verify")
    claims, results = load_claims(), results_root(args.results)
    if args.verify is not None:
        return _verify(find_claim(claims, args.verify), args, results)
    if not results.is_dir():
        raise UserError(f"--results: {results} is no directory; give the one that holds the studies' results")
    findings = find_out(claims, results)
    if args.json:
        print(json.dumps([finding.to_json() for finding in findings], indent=2, allow_nan=False, ensure_ascii=False))
    elif args.markdown:
        from lab.studies.claims_table import markdown_of

        print(markdown_of(findings))
    elif args.update:
        from lab.studies.claims_table import update

        print(f"{args.update}: {'written' if update(Path(args.update), findings) else 'as it was'}")
    elif args.figure:
        from lab.reports.claims import draw_responses
        from lab.studies.curves import curves

        print(draw_responses(curves(findings), Path(args.figure)).path)
    else:
        _show(findings)
    return 0


def _show(findings: Sequence[Finding]) -> None:
    from rich.console import Console

    from lab.cli.study import rich_table
    from lab.studies.claims_table import claims_table, counts

    console = Console(highlight=False)
    console.print(rich_table(claims_table(findings), first=max(len(finding.claim.name) for finding in findings)))
    console.print(f"{counts(findings)} An interval is of 95 %; a phase is in cycles ahead.")


def _verify(claim: Claim, args: argparse.Namespace, results: Path) -> int:
    from lab.studies.conduct import Conditions
    from lab.studies.finding import find_out
    from lab.studies.verify import verify

    (committed,) = find_out([claim], results)
    with tempfile.TemporaryDirectory(prefix="lab-claims-") as scratch:
        conditions = Conditions("", results=Path(args.into or scratch), data_dir=args.data_dir, jobs=args.jobs)
        small, checks = verify(claim, committed, conditions)
    changed = ", ".join([f"{claim.verify.seeds} seeds", *claim.verify.set])
    print(f"{claim.name}: {claim.statement}")
    print(f"committed: {committed.state}, {committed.reason}")
    print(f"in small ({changed}): {small.state}, {small.reason}")
    for check in checks:
        print(f"{'agrees' if check.agrees else 'DIFFERS'}: {check.words}")
    return 0 if all(check.agrees for check in checks) else 1

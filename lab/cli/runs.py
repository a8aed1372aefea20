"""`lab runs`: every run with its state, how far it is, its best score, and the command that goes on from there."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from lab.cli import options
from lab.door.text import one_line

if TYPE_CHECKING:
    from lab.studies.listing import Group
    from lab.training.standing import Best, Standing

ABSENT = "-"
WIDEST = 44
"""A longer cell pushes the rest of its own line to the right, not that of all lines."""
LONGEST = 300
RUN_HEADER = ("run", "trainer", "state", "step", "best score", "next")
GROUP_HEADER = ("study", "trainer", "runs", "states", "next")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab runs`` to the command line."""
    parser = subparsers.add_parser(
        "runs",
        help="list the runs: state, step, best score, what to do next",
        description="One line for each run under runs/ of the results, and one for each study. The best score is the "
        "best value, at any evaluation, of the first score in the trainer's headline. A stopped run can be gone on "
        "with; a failed one met a quantity that was not finite, and would again.",
    )
    parser.add_argument("study", nargs="?", metavar="STUDY", help="list the runs of this study, one by one")
    options.add_results_option(parser)
    options.add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List them; nothing that lies there makes this fail."""
    from lab.training.paths import runs_root

    runs, groups = _found(args.study, args.results)
    where = [] if args.results is None else ["--results", args.results]
    prefix = f"{args.study.rstrip('/')}/" if args.study else ""
    listed = [_run_record(each, prefix, where) for each in runs]
    studies = [_group_record(each, where) for each in groups]
    if args.json:
        print(json.dumps({"runs": listed, "studies": studies}, indent=2, allow_nan=False))
        return 0
    tables = [(RUN_HEADER, [_run_cells(each) for each in listed]), (GROUP_HEADER, [_group_cells(e) for e in studies])]
    lines = [line for header, rows in tables if rows for line in ("", *_table(header, rows))]
    print("\n".join(lines[1:]) or f"no runs under {one_line(str(runs_root(args.results)))}")
    return 0


def _found(study: str | None, results: str | None) -> tuple[list[Standing], list[Group]]:
    from lab.errors import UserError
    from lab.studies.listing import folders, is_run, listing, members
    from lab.training.paths import results_root, runs_root

    if study is None:
        return listing(results_root(results))
    folder = runs_root(results) / study
    if folder not in folders(runs_root(results)) or is_run(folder):
        names = [group.name for group in listing(results_root(results))[1]]
        known = ", ".join(names) or "none"
        raise UserError(f"no study {study!r} has runs under {runs_root(results)} (studies: {known})")
    return members(folder), []


def _run_record(run: Standing, prefix: str, where: Sequence[str]) -> dict[str, Any]:
    """A run as JSON data."""
    name = prefix + run.name
    command = {"stopped": "resume", "broken": ""}.get(run.state, "report" if run.logged else "")
    return {
        "name": name,
        "path": str(run.path),
        "trainer": run.trainer or None,
        "state": run.state,
        "step": run.step,
        "steps": run.steps or None,
        "best": _best_record(run.best),
        "next": shlex.join(["lab", command, name, *where]) if command else None,
        "note": run.note or None,
    }


def _best_record(best: Best | None) -> dict[str, Any] | None:
    if best is None:
        return None
    direction = "lower" if best.lower else "higher"
    return {"column": best.column, "value": best.value, "step": best.step, "direction": direction}


def _group_record(group: Group, where: Sequence[str]) -> dict[str, Any]:
    """A study as JSON data."""
    from lab.training.standing import State

    if group.summarised:
        words = ["report", group.name]
    elif group.stated is not None and not group.counts.get("training"):
        words = ["study", str(group.stated)]
    else:
        words = ["runs", group.name]
    return {
        "name": group.name,
        "trainer": group.trainer or None,
        "runs": group.runs,
        "planned": group.planned or None,
        "states": {state: group.counts[state] for state in get_args(State) if group.counts.get(state)},
        "next": shlex.join(["lab", *words, *where]),
        "note": group.note or None,
    }


def _run_cells(record: Mapping[str, Any]) -> list[str]:
    step = f"{record['step']:,} of {record['steps']:,}" if record["steps"] else ABSENT
    return [
        record["name"],
        record["trainer"] or ABSENT,
        record["state"],
        step,
        _best_words(record["best"]),
        _next_words(record),
    ]


def _best_words(best: Mapping[str, Any] | None) -> str:
    if best is None:
        return ABSENT
    side = "lowest" if best["direction"] == "lower" else "highest"
    name = best["column"].removeprefix("evaluation/")
    return f"{name} {best['value']:.4g} ({side}) at {best['step']:,}"


def _group_cells(record: Mapping[str, Any]) -> list[str]:
    planned = f" of {record['planned']}" if record["planned"] else ""
    states = ", ".join(f"{count} {state}" for state, count in record["states"].items())
    return [record["name"], record["trainer"] or ABSENT, f"{record['runs']}{planned}", states, _next_words(record)]


def _next_words(record: Mapping[str, Any]) -> str:
    note = f"({record['note']})" if record["note"] else ""
    return "  ".join(part for part in (record["next"], note) if part) or ABSENT


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, their cells below each other."""
    shown = [[one_line(cell, LONGEST) for cell in row] for row in (header, *rows)]
    widths = [min(WIDEST, max(map(len, column))) for column in zip(*shown, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]

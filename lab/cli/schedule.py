"""`lab schedule`: draws a schedule file before anything is trained, in the terminal or as a PNG."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

WIDEST = 120
"""A wide terminal is not filled beyond this."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab schedule`` to the command line."""
    parser = subparsers.add_parser(
        "schedule",
        help="draw a schedule file before anything is trained",
        description="Draw all voices of a schedule file on one axis of steps, crests and troughs marked. A schedule "
        "file is YAML with clock, voices and, if wanted, steps; a preset or a run's config.yaml is one too.",
    )
    parser.add_argument("file", metavar="FILE", help="a YAML file with clock, voices and perhaps steps")
    parser.add_argument("--out", metavar="FILE.png", help="write a picture instead of drawing in the terminal")
    parser.add_argument("--width", type=int, metavar="N", help="columns in the terminal (default: as wide as it is)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the file; a mistake in it is a UserError that names the file and the dotted field."""
    from lab.errors import UserError
    from lab.phase.drawing import ASCII, draw
    from lab.phase.parsing import MEASURED, parse_schedule
    from lab.training.config import load_yaml

    mapping = load_yaml(args.file)
    try:
        file = parse_schedule(mapping, (*MEASURED, *_measured(mapping)))
    except UserError as error:
        raise UserError(f"{args.file}: {error}") from None
    if args.out is not None:
        from lab.reports.schedule import save

        print(save(file, Path(args.out), Path(args.file).name))
        return 0
    columns = args.width if args.width is not None else min(shutil.get_terminal_size().columns, WIDEST)
    picture = draw(file, columns)
    try:
        picture.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        picture = picture.translate(ASCII).encode("ascii", "replace").decode()
    print(picture)
    return 0


def _measured(mapping: Mapping[str, Any]) -> Sequence[str]:
    """What trainers measure whose configuration a file is; nothing where no voice follows such a thing."""
    from lab.errors import UserError
    from lab.phase.parsing import MEASURED, followed

    voices = mapping.get("voices")
    if not isinstance(voices, Mapping) or {*followed(voices)} <= {*MEASURED}:
        return ()  # torch is not needed to draw a schedule
    from lab.training.config import resolve
    from lab.training.plugins import trainers

    found: list[str] = []
    for plugin in trainers().values():
        with suppress(UserError):
            found += resolve(plugin.config_type(), mapping).measured_names()
    return found

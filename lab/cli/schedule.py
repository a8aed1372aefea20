"""`lab schedule`: draws a schedule file before anything is trained, in the terminal or as a PNG."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.phase.voices import ScheduleFile

WIDEST = 120
"""A wide terminal is not filled beyond this."""
MOST_CYCLES = 40
"""More cycles than these are neither shaded nor marked: they would be a grey smear."""
MOST_POINTS = 4000
"""Longer schedules are drawn at so many of their steps."""


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
    from lab.phase.voices import parse_schedule
    from lab.training.config import load_yaml

    mapping = load_yaml(args.file)
    try:
        file = parse_schedule(mapping)
    except UserError as error:
        raise UserError(f"{args.file}: {error}") from None
    if args.out is not None:
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


def save(file: ScheduleFile, out: Path, title: str) -> Path:
    """Write the picture of a schedule file.

    Raises:
        UserError: ``out`` is no PNG, or cannot be written.
    """
    from lab.errors import UserError
    from lab.reports import style

    if out.suffix.lower() != ".png":
        raise UserError(f"--out: {str(out)!r} is not accepted; expected a file name that ends in .png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with style.applied():
            figure(file, title).savefig(out, dpi=style.DPI, metadata={"Software": None})
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written: {error.strerror}") from None
    return out


def figure(file: ScheduleFile, title: str) -> Figure:
    """A panel for each family of voices (``lr.generator``, ``lr.discriminator``) over one axis of steps."""
    from matplotlib.figure import Figure

    from lab.phase import Follower
    from lab.reports import style

    families: dict[str, list[str]] = {}
    for name in file.voices:
        families.setdefault(name.split(".")[0], []).append(name)
    families = {family: names for family, names in families.items() if any(_moves(file, name) for name in names)}
    drawn = Figure(figsize=(style.WIDTH, 1.3 + 1.5 * max(len(families), 1)))
    rows = drawn.subplots(max(len(families), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (family, names) in zip(rows, families.items(), strict=False):
        _shade_cycles(axes, file)
        for index, name in enumerate(name for name in names if not isinstance(file.voices[name], Follower)):
            _draw_voice(axes, file, name, style.look(index))
        axes.set_title(family)
        if len(names) > 1:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(names), borderaxespad=0.1)
    rows[-1].set_xlim(0, file.steps)
    rows[-1].set_xlabel("step")
    drawn.suptitle(title, x=0.01, ha="left", fontweight="bold")
    drawn.supxlabel(_key(file), fontsize=9.5, x=0.01, ha="left")
    return drawn


def _moves(file: ScheduleFile, name: str) -> bool:
    """Whether the clock moves the voice; the others are told in words."""
    from lab.phase import Constant, Follower

    return not isinstance(file.voices[name], Constant | Follower)


def _draw_voice(axes: Axes, file: ScheduleFile, name: str, look: Any) -> None:
    import numpy as np

    from lab.phase.drawing import turning_points

    voice: Any = file.voices[name]
    most = 2 * MOST_CYCLES
    crests, troughs = (turning_points(voice, event, file.steps, most) for event in ("crest", "trough"))
    marked = 0 < len(crests) + len(troughs) <= most
    even = np.linspace(0, file.steps - 1, min(file.steps, MOST_POINTS)).astype(np.int64)
    steps = np.unique(np.concatenate([even, np.array([*crests, *troughs] if marked else [], dtype=np.int64)]))
    label = name.partition(".")[2] or name
    axes.plot(steps, voice(steps), color=look.color, linestyle=look.line, label=label, zorder=3)
    for at, marker, face in ((crests, "^", look.color), (troughs, "v", "white")) if marked else ():
        axes.plot(
            at, voice(np.array(at, dtype=np.int64)), linestyle="none", marker=marker, markersize=7,
            color=look.color, markerfacecolor=face, markeredgewidth=1.4, zorder=4, clip_on=False,
        )  # fmt: skip


def _shade_cycles(axes: Axes, file: ScheduleFile) -> None:
    from fractions import Fraction
    from itertools import islice

    from lab.reports import style

    starts = list(islice(file.clock.reaching(Fraction(0), 0, file.steps), MOST_CYCLES + 1))
    if len(starts) > MOST_CYCLES:
        return
    end = file.steps if file.clock.length is None else min(file.steps, file.clock.length)
    for start, stop in list(zip(starts, [*starts[1:], end], strict=True))[1::2]:
        axes.axvspan(start, stop, color=style.SHADE, linewidth=0, zorder=0)


def _key(file: ScheduleFile) -> str:
    """What the signs mean, and in words the voices that no clock moves."""
    from lab.phase.drawing import describe

    lines = ["▲ crest   ▽ trough   grey: every second cycle of the master clock"]
    lines += [f"{name}: {describe(voice)}" for name, voice in file.voices.items() if not _moves(file, name)]
    return "\n".join(lines)

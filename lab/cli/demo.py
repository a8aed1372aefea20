"""`lab demo`: two shipped studies and one image GAN, run as a user would run them, then one table and one report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.studies.summary import Summary
    from lab.training.run import Run

STUDIES = ("ring-demo", "curriculum-demo")
TRAINER, PRESET, NAME, CHANGES = "gan", "digits", "demo-digits", {"steps": 1000}
"""The image GAN: as `lab gan train digits --name demo-digits --set steps=1000`."""


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
    """Run everything; 0 when all of it is there, even if a hypothesis failed; 1 when a trial did."""
    from time import monotonic

    from lab.errors import RunError
    from lab.reports.html import report
    from lab.studies.progress import duration
    from lab.training.paths import results_root

    began = monotonic()
    results = results_root(args.results)
    summaries = [_study(name, place, args) for place, name in enumerate(STUDIES, 1)]
    _say(len(STUDIES) + 1, f"lab {TRAINER} train {PRESET} --name {NAME}{_set(CHANGES)}")
    images = _images(args)
    _say(len(STUDIES) + 2, "figures and report")
    studies = [results / summary.study.name for summary in summaries]
    page = report([*studies, images.path], results / "demo" / "report.html", "phase-lab: the demonstration")
    _show(summaries, images)
    for path in studies:
        print(f"study:   {path / 'summary.md'}, figures in {path / 'figures'}")
    print(f"run:     {images.path}\nreport:  {page}\ntook:    {duration(monotonic() - began)}")
    failed = [f"{t.arm}-s{t.seed} of {summary.study.name}" for summary in summaries for t in summary.failed]
    if failed:
        few = "1 trial has" if len(failed) == 1 else f"{len(failed)} trials have"
        raise RunError(f"{few} no score: {', '.join(failed)}; each study's summary.md says why")
    return 0


def _set(changes: dict[str, int]) -> str:
    return "".join(f" --set {key}={value}" for key, value in changes.items())


def _say(place: int, what: str) -> None:
    import sys

    print(f"[{place}/{len(STUDIES) + 2}] {what}", file=sys.stderr, flush=True)


def _study(name: str, place: int, args: argparse.Namespace) -> Summary:
    from lab.studies.conduct import Conditions, conduct
    from lab.studies.model import find_study, load_study

    _say(place, f"lab study {name}")
    conditions = Conditions(f"lab study {name}", results=args.results, data_dir=args.data_dir, jobs=args.jobs)
    return conduct(load_study(find_study(name)), conditions)


def _images(args: argparse.Namespace) -> Run:
    """The image GAN's run: made, gone on with, or done already."""
    from lab.training import loop, plugins
    from lab.training.config import load_yaml, resolve
    from lab.training.paths import runs_root
    from lab.training.progress import show_progress
    from lab.training.run import CONFIG, Run

    plugin = plugins.trainer(TRAINER)
    path: Path = runs_root(args.results) / NAME
    if (path / CONFIG).is_file():
        run = Run.open(path)
    else:
        config = resolve(plugin.config_type(), load_yaml(plugins.preset_path(plugin, PRESET)), CHANGES)
        run = Run.create(path.parent, path.name, plugin.name, config, PRESET)
    config = loop.load_config(plugin, run)
    with show_progress(NAME, config.steps, plugin.headline) as progress:
        loop.train(plugin, run, loop.make_context(run, config, args.data_dir), progress=progress)
    return run


def _show(summaries: list[Summary], images: Run) -> None:
    """Print the one table: every arm's score, the verdicts, and the image GAN's scores."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from lab.reports.words import fmt
    from lab.studies.sentences import verdict_line
    from lab.studies.tables import scores_table

    table = Table("what", "arm", "seeds", "score", "mean [95 % interval]", box=box.SIMPLE_HEAD)
    for summary in summaries:
        for place, row in enumerate(scores_table(summary)[1]):
            table.add_row(summary.study.name if place == 0 else "", *row)
        table.add_section()
    for place, (name, value) in enumerate(_image_scores(images).items()):
        table.add_row(*((NAME, "", "1") if place == 0 else ("", "", "")), name, fmt(value))
    console = Console(highlight=False)
    console.print(table)
    for summary in summaries:
        console.print(f"{summary.study.name}: {verdict_line(summary)}", markup=False)


def _image_scores(run: Run) -> dict[str, float]:
    """The image GAN's headline scores, as a mean over the last cycle like those of a study."""
    from lab.studies.trials import EVALUATION
    from lab.training import plugins
    from lab.training.loop import load_config
    from lab.training.metrics import Metrics

    plugin = plugins.trainer(TRAINER)
    config, metrics = load_config(plugin, run), Metrics.read(run.path)
    known = set(metrics.names())
    return {
        name.removeprefix(EVALUATION): metrics.over_last_cycle(name, config.parsed_clock(), config.steps)
        for name in plugin.headline
        if name in known and name.startswith(EVALUATION)
    }

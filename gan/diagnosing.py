"""`lab gan stability` and `lab gan path`: what a study's game predicts of its cycles, and how a run's game pulls."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab.cli import options
from lab.errors import UserError


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    predicted = subparsers.add_parser(
        "stability", help="what the spectrum of a study's constant runs predicts of its cycles, beside what they did"
    )
    predicted.add_argument("study", metavar="STUDY", help="a study under results/ whose runs are beside it")
    options.add_results_option(predicted)
    predicted.set_defaults(run=stability)

    along = subparsers.add_parser(
        "path", help="path angle and path norm of a run's game, from its first weights to its newest"
    )
    options.add_run_argument(along)
    along.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture")
    options.add_json_option(along)
    along.set_defaults(run=path)


def stability(args: argparse.Namespace) -> int:
    """Write stability.md, stability.csv and a figure beside a study's summary."""
    import numpy as np

    from gan import predicted
    from gan.predicted_figure import save_figure
    from lab.reports.study import read_study, words
    from lab.training import files
    from lab.training.paths import results_root

    study = read_study(results_root(args.results) / args.study)
    if study.summary["trainer"] != "gan":
        raise UserError(f"{study.path}: a study of {study.summary['trainer']!r}; this command takes studies of 'gan'")
    found = predicted.predict(study)
    said = predicted.sentence(predicted.agreement(found.cells, np.random.default_rng(0)), study)
    try:
        better = str(study.summary.get("direction", "higher"))
        saved = save_figure(found.cells, words(study.metric), better, study.title, said, study.path / "figures")
        page = predicted.page(study, found, said, saved)
        files.replace_file(study.path / "stability.md", page.encode())
        files.replace_file(study.path / "stability.csv", predicted.csv(found).encode())
    except OSError as error:
        raise UserError(f"{study.path}: cannot be written ({error.strerror or error})") from error
    print(f"{said}\n{study.path / 'stability.md'}")
    return 0


def path(args: argparse.Namespace) -> int:
    """Draw the path of a run."""
    import json

    from gan.path import path_of
    from lab.reports.path import save

    out: Path = args.out
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: {str(out)!r} is not accepted; expected a file name that ends in .png")
    run = options.chosen_run(args)
    if run.trainer != "gan":
        raise UserError(f"{run.path}: a run of {run.trainer!r}; this command takes runs of 'gan'")
    step, found = path_of(run)
    try:
        save(found, out, f"{run.name}: from its start to step {step:,}")
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written ({error.strerror or error})") from error
    if args.json:
        columns = {"alpha": found.alphas, "angle": found.angle, "norm": found.norm}
        print(json.dumps({"step": step} | {name: _known(values.tolist()) for name, values in columns.items()}))
        return 0
    print(f"{found.sentence()}\n{out}")
    return 0


def _known(values: list[float]) -> list[float | None]:
    """JSON has no NaN."""
    return [value if value == value else None for value in values]

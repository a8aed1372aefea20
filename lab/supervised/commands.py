"""`lab supervised evaluate`: how a trained classifier and what rode along score; `rehearsal`: the figure of a study."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from lab.cli import options
from lab.errors import UserError

COST, COST_WORDS = "milliseconds_per_1000", "ms per 1000"
"""What an answer costs, in JSON and in the table; never in the metrics log, which has no time in it."""
TIMES = 5
"""How often it is measured, at least; the median counts."""

if TYPE_CHECKING:
    from lab.supervised.trainer import SupervisedTrainer
    from lab.training.run import Run


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands beside ``train``."""
    score = subparsers.add_parser("evaluate", help="score a run's classifier, and what its techniques made of it")
    options.add_run_argument(score)
    options.add_data_option(score)
    options.add_device_option(score)
    options.add_json_option(score)
    score.set_defaults(run=_evaluate)

    rehearsal = subparsers.add_parser("rehearsal", help="which phase to rehearse at: the figure of a study of tasks")
    rehearsal.add_argument("study", metavar="STUDY", help="a phase-response study under results/, its runs kept")
    options.add_results_option(rehearsal)
    rehearsal.set_defaults(run=_rehearsal)


def load(run: Run, device: str = "auto", data_dir: Path | None = None) -> SupervisedTrainer:
    """The trainer of a run at its newest whole checkpoint, writing nothing into the run.

    Raises:
        UserError: the run is another trainer's, or has no checkpoint yet.
    """
    from lab.supervised.config import SupervisedConfig
    from lab.supervised.trainer import SupervisedTrainer
    from lab.training.config import resolve
    from lab.training.device import resolve_device
    from lab.training.paths import data_root
    from lab.training.recovery import look
    from lab.training.restoring import checked
    from lab.training.trainer import Context, unheard

    if run.trainer != "supervised":
        raise UserError(f"{run.path}: a run of {run.trainer!r}; this command takes runs of 'supervised'")
    config = resolve(SupervisedConfig, run.config, source=str(run.path / "config.yaml"))
    found = look(run, _warn)
    place = data_root(data_dir or run.provenance.get("data_dir"))
    trainer = SupervisedTrainer(config, Context(resolve_device(device), place, run.snapshots, unheard))
    checked(lambda: trainer.load_state_dict(found.state), f"{run.checkpoints}: step {found.step}")
    return trainer


def _evaluate(args: argparse.Namespace) -> int:
    """Score as the trainer does, and print the numbers and what an answer costs."""
    from lab.supervised.config import NETWORK
    from lab.supervised.metrics import column_words

    trainer = load(options.chosen_run(args), args.device or "auto", args.data_dir)
    by_word: dict[str, dict[str, float]] = {}
    for column, value in trainer.evaluate().items():
        word, name = column_words(column)
        by_word.setdefault(word or NETWORK, {})[name] = value
    for name, cost in costs(trainer).items():
        by_word[name or NETWORK][COST if args.json else COST_WORDS] = cost
    if args.json:
        print(json.dumps([{"step": trainer.step, "weights": word, **own} for word, own in by_word.items()]))
        return 0
    print(f"step {trainer.step}, {len(trainer.scored_labels())} samples")
    print(" ".join([f"  {'':<18}", *(f"{word:>12}" for word in by_word)]))
    for name in dict.fromkeys(name for own in by_word.values() for name in own):
        cells = (f"{own[name]:>12.6g}" if name in own else f"{'–':>12}" for own in by_word.values())
        print(" ".join([f"  {name:<18}", *cells]))
    return 0


def costs(trainer: SupervisedTrainer) -> dict[str, float]:
    """Milliseconds on the wall for 1000 samples, of each predictor of a trainer by its word."""
    from lab.supervised.samples import chunks
    from lab.training.timing import timed

    found = {}
    first = next(chunks(trainer.data.test_inputs, trainer.device))
    for word, predictor in trainer.predictors().items():
        predictor(first)  # what it makes ready when it is first asked is no part of the cost
        walls = [timed(partial(predictor, first), trainer.device)[1] for _ in range(TIMES)]
        found[word] = 1e6 * median(walls) / len(first)
    return found


def _rehearsal(args: argparse.Namespace) -> int:
    from lab.reports import style
    from lab.reports.study import read_study
    from lab.supervised.task_figures import save_response
    from lab.training.paths import results_root

    study = read_study(results_root(args.results) / args.study)
    out = study.path / "figures"
    with style.writing(out):
        print(save_response(study, out).path)
    return 0


def _warn(message: str) -> None:
    print(f"lab: warning: {message}", file=sys.stderr)

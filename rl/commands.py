"""The trainer's own commands: `lab rl evaluate`, `watch`, `export` and `import`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli import options
from lab.errors import UserError

if TYPE_CHECKING:
    from lab.training.run import Run
    from rl.evaluation import Act, Score
    from rl.trainer import RlTrainer


MOST_LEVELS, MOST_EPISODES = 1000, 10_000
POLICIES = ("last", "best", "ensemble")


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands beside ``train``."""
    evaluate = subparsers.add_parser("evaluate", help="play a trained agent over the grid of difficulties")
    options.add_run_argument(evaluate)
    evaluate.add_argument(
        "--episodes", type=_episodes, metavar="N", help="per difficulty (default: the configuration's)"
    )
    evaluate.add_argument(
        "--difficulty",
        type=_grid,
        metavar="A:B:N",
        help="N difficulties from A to B, or one (default: the configuration's)",
    )
    evaluate.add_argument(
        "--policy",
        choices=POLICIES,
        default="last",
        help="last, best on the target task (from other first states than it was chosen by), or all troughs' together",
    )
    options.add_json_option(evaluate)
    evaluate.set_defaults(run=_evaluate)

    watch = subparsers.add_parser("watch", help="film one episode of a trained agent as a GIF")
    options.add_run_argument(watch)
    watch.add_argument("--out", required=True, type=Path, metavar="FILE.gif", help="where the film goes")
    watch.add_argument("--difficulty", type=_level, metavar="D", help="in [0, 1] (default: 1, the target)")
    watch.add_argument("--policy", choices=POLICIES, default="last", help="as for evaluate")
    watch.add_argument("--seed", type=_seed, default=0, help="of the first state (default: 0)")
    watch.set_defaults(run=_watch)

    curvature = subparsers.add_parser("curvature", help="curvature and gradient noise along the runs of a study")
    curvature.add_argument("study", metavar="STUDY", help="a study under results/ whose runs measured their curvature")
    curvature.add_argument("--arms", type=_names, metavar="A,B", help="those drawn (default: all)")
    options.add_results_option(curvature)
    curvature.set_defaults(run=_curvature)

    export = subparsers.add_parser("export", help="write a trained agent as a Stable-Baselines3 zip")
    options.add_run_argument(export)
    place = export.add_mutually_exclusive_group(required=True)
    place.add_argument("out", nargs="?", type=Path, metavar="FILE.zip", help="where the agent goes")
    place.add_argument("--out", type=Path, dest="out", metavar="FILE.zip", help="the same")
    export.set_defaults(run=_export)

    bring = subparsers.add_parser("import", help="begin a run with the weights of a Stable-Baselines3 zip")
    bring.add_argument(
        "model", type=Path, metavar="MODEL.zip", help="what SB3's save wrote; only tensors are read of it"
    )
    bring.add_argument("preset", metavar="PRESET|FILE", help="the run's configuration, of the same agent and networks")
    bring.add_argument(
        "--normalisation", type=Path, metavar="FILE.json", help="as lab rl export writes it beside a zip"
    )
    options.add_set_option(bring)
    bring.add_argument("--name", help="the run's name (default: PRESET-sSEED)")
    options.add_results_option(bring)
    bring.set_defaults(run=_import)


def load(run: Run, learns: bool = False) -> RlTrainer:
    """The trainer of a run at its newest whole checkpoint, writing nothing into the run.

    Args:
        run: the run.
        learns: whether it is to go on learning elsewhere, and not only to act.

    Raises:
        UserError: the run is another trainer's, or has no checkpoint yet.
    """
    from lab.training.config import resolve
    from lab.training.device import resolve_device
    from lab.training.loop import warn
    from lab.training.paths import data_root
    from lab.training.recovery import look
    from lab.training.restoring import checked
    from lab.training.trainer import Context, unheard
    from rl.config import RlConfig
    from rl.trainer import RlTrainer

    if run.trainer != "rl":
        raise UserError(f"run {run.name}: trained by {run.trainer!r}; accepted: a run of 'lab rl train'")
    found = look(run, warn)
    config = resolve(RlConfig, run.config, source=str(run.path / "config.yaml"))
    context = Context(resolve_device(config.device), data_root(None), run.snapshots, unheard)
    trainer = RlTrainer(config, context)
    restore = trainer.load_learner if learns else trainer.load_agent
    checked(lambda: restore(found.state), f"{run.checkpoints}: step {found.step}")
    return trainer


def _evaluate(args: argparse.Namespace) -> int:
    run = options.chosen_run(args)
    trainer = load(run)
    _refuse_difficulty(trainer, args.difficulty)
    scores = trainer.scores(args.episodes, args.difficulty, _acting(trainer, args.policy), args.policy == "best")
    rows = [_as_json(score, trainer.config.seed) for score in scores]
    if args.json:
        answer = {"run": run.name, "step": trainer.step, "policy": args.policy, "scores": rows}
        print(json.dumps(answer, allow_nan=False))
        return 0
    print(f"run {run.name}, step {trainer.step}, {args.policy} policy, {rows[0]['episodes']} episodes per difficulty")
    between = f"{'95 % interval':>20}"
    print(f"{'difficulty':>10}  {'return':>9}  {between}  {'length':>7}  {'success':>7}  {between[6:]}")
    for row in rows:
        success, ends = row["success"], row["success_interval"]
        shown = "" if success is None else f"{success:7.0%}  {f'{ends[0]:.0%} to {ends[1]:.0%}':>14}"
        span = "{:.2f} to {:.2f}".format(*row["return_interval"])
        print(f"{row['difficulty']:10.2f}  {row['return']:9.2f}  {span:>20}  {row['length']:7.1f}  {shown}".rstrip())
    return 0


def _acting(trainer: RlTrainer, policy: str) -> Act:
    if policy == "last":
        return trainer.act
    return trainer.best() if policy == "best" else trainer.ensemble()


def _as_json(score: Score, seed: int) -> dict[str, Any]:
    from rl.evaluation import mean_interval, share_interval

    success = score.successes
    return {
        "difficulty": score.difficulty,
        "return": float(score.returns.mean()),
        "return_deviation": float(score.returns.std()),
        "return_interval": mean_interval(score.returns, seed),
        "length": float(score.lengths.mean()),
        "success": None if success is None else float(success.mean()),
        "success_interval": None if success is None else share_interval(int(success.sum()), len(success)),
        "episodes": len(score.returns),
    }


def _watch(args: argparse.Namespace) -> int:
    from rl.film import film

    if args.out.suffix.lower() != ".gif":
        raise UserError(f"--out {args.out}: a film is a GIF; accepted: a name ending in .gif")
    trainer = load(options.chosen_run(args))
    _refuse_difficulty(trainer, args.difficulty)
    level = 1.0 if args.difficulty is None else args.difficulty
    with _writing(args.out):
        shown = film(trainer, _acting(trainer, args.policy), args.out, level, args.seed)
    at = f" at difficulty {level:g}" if trainer.batch.has_difficulty else ""
    print(f"{args.out}: {shown.steps} steps{at}, return {shown.total:.1f}")
    return 0


def _refuse_difficulty(trainer: RlTrainer, difficulty: object) -> None:
    """Of a task that has none."""
    if difficulty is not None and not trainer.batch.has_difficulty:
        raise UserError(f"--difficulty: {trainer.config.task} has none; leave it out")


def _curvature(args: argparse.Namespace) -> int:
    from lab.reports.study import read_study
    from lab.training import files
    from lab.training.paths import results_root
    from rl import mechanism
    from rl.mechanism_figure import save_figure

    study = read_study(results_root(args.results) / args.study)
    found = mechanism.tracks(study)
    known = dict.fromkeys(track.arm for track in found)
    if unknown := [arm for arm in args.arms or () if arm not in known]:
        raise UserError(f"--arms: {unknown[0]!r} measured no curvature; {', '.join(known)} did")
    drawn = [track for arm in args.arms or known for track in found if track.arm == arm]
    with _writing(study.path):
        saved = save_figure(drawn, study.title, study.path / "figures")
        rows = mechanism.table(found)
        page = mechanism.page(study, rows, f"figures/{saved.path.name}", saved.alt)
        files.replace_file(study.path / "curvature.md", page.encode())
        files.replace_file(study.path / "curvature.csv", mechanism.csv(found).encode())
    print(study.path / "curvature.md")
    return 0


def _export(args: argparse.Namespace) -> int:
    from rl.export import export

    if args.out.suffix.lower() != ".zip":
        raise UserError(f"--out {args.out}: SB3 reads zip files; accepted: a name ending in .zip")
    trainer = load(options.chosen_run(args), learns=True)
    with _writing(args.out):
        told = export(trainer, args.out)
    for line in told:
        print(line)
    return 0


def _import(args: argparse.Namespace) -> int:
    from lab.training.config import load_yaml, resolve
    from lab.training.paths import runs_root
    from lab.training.plugins import preset_path, trainer
    from rl.config import RlConfig
    from rl.imports import begin

    path = preset_path(trainer("rl"), args.preset)
    config = resolve(RlConfig, load_yaml(path), args.set, source=str(path))
    run = begin(config, args.model, args.normalisation, runs_root(args.results), args.name, path.stem)
    print(f"{run.path}: the agent at step 0")
    print(f"next:    lab rl evaluate {run.name}    lab resume {run.name}")
    return 0


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Make the folder of ``out``; a file that cannot be written is the user's to mend."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror}") from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a whole number ≥ 1")
    return int(text)


def _episodes(text: str) -> int:
    count = _count(text)
    if count > MOST_EPISODES:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: at most {MOST_EPISODES:,}")
    return count


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a whole number from 0 to 2^32 - 1")
    return int(text)


def _grid(text: str) -> tuple[float, ...]:
    """``0:1:11``, or one difficulty."""
    parts = text.split(":")
    try:
        low, high = _level(parts[0]), _level(parts[1] if len(parts) > 1 else parts[0])
        count = _count(parts[2]) if len(parts) == 3 else 1 if len(parts) == 1 else 0
        if not 1 <= count <= MOST_LEVELS or low > high or (count == 1 and low != high):
            raise argparse.ArgumentTypeError("")
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: accepted: a difficulty in [0, 1], or A:B:N, N ≤ {MOST_LEVELS} of them from A to B"
        ) from None
    return tuple(low + (high - low) * place / max(count - 1, 1) for place in range(count))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a number in [0, 1]")
    return value

"""`lab gan sample`, `evaluate` and `nearest`: what a trained generator draws, how it scores, whether it copies."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan import diagnosing, nearest
from lab.cli import options
from lab.errors import RunError, UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gan.config import GanConfig
    from lab.training.run import Run

WEIGHTS = {"average": "ema", "raw": "generator"}
"""Names of the two sets of weights on the command line, and in a checkpoint."""
ENSEMBLE = "ensemble"
EVERY = "all"


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands, and those that look at a game."""
    draw = subparsers.add_parser("sample", help="draw samples from a run's generator")
    options.add_run_argument(draw)
    draw.add_argument("--n", type=int, default=64, metavar="N", help="how many samples (default: 64)")
    draw.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".png a picture, .npz or .csv the numbers"
    )
    draw.add_argument("--seed", type=int, default=0, help="of the latent points (default: 0)")
    draw.add_argument(
        "--class", type=int, dest="label", metavar="K", help="of a conditional run, only this class (default: in turn)"
    )
    chosen = draw.add_mutually_exclusive_group()
    _add_weights(chosen, every=False)
    chosen.add_argument(
        "--ensemble", action="store_const", const=ENSEMBLE, dest="weights", help="the same as --weights ensemble"
    )
    options.add_device_option(draw)
    draw.set_defaults(run=sample)

    score = subparsers.add_parser("evaluate", help="score a run's generator")
    options.add_run_argument(score)
    score.add_argument(
        "--samples", type=int, metavar="N", help="samples to score (default: as the run's configuration)"
    )
    score.add_argument("--seed", type=int, default=0, help="of the latent points (default: 0)")
    _add_weights(score, every=True)
    options.add_data_option(score)
    options.add_device_option(score)
    options.add_json_option(score)
    score.set_defaults(run=evaluate)

    near = nearest.add_parser(subparsers)
    options.add_run_argument(near)
    _add_weights(near, every=False)
    options.add_data_option(near)
    options.add_device_option(near)
    near.set_defaults(run=neighbours)

    diagnosing.add_commands(subparsers)


def sample(args: argparse.Namespace) -> int:
    """Draw samples and write them in the form that the file's suffix asks for."""
    from gan.export import WRITERS
    from gan.randomness import stream
    from gan.sampling import kept, points

    out: Path = args.out
    if out.suffix.lower() not in WRITERS:
        raise UserError(f"--out: {out.name!r} ends in none of {', '.join(WRITERS)}")
    _at_least(args.n, 1, "--n")
    _at_least(args.seed, 0, "--seed")
    found = _trained(args)
    _is_class(args.label, found.config)
    asked = points(found.config, args.n, stream(args.seed, "samples"), args.label).to(found.device)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[out.suffix.lower()](out, kept(found.draw(args.weights, asked)))
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written ({error.strerror or error})") from error
    print(f"{args.n} samples of step {found.step} ({found.words(args.weights)}): {out}")
    return 0


def neighbours(args: argparse.Namespace) -> int:
    """Show the training images nearest to samples, and say whether the samples are copies."""
    from gan.randomness import stream
    from gan.sampling import kept, points
    from lab.training.paths import data_root

    out: Path = args.out
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: {out.name!r} does not end in .png")
    for option in ("n", "k", "samples"):
        _at_least(getattr(args, option), 1, f"--{option}")
    _at_least(args.seed, 0, "--seed")
    found = _trained(args)
    asked = points(found.config, max(args.n, args.samples), stream(args.seed, "samples")).to(found.device)
    near = nearest.find(found.config, kept(found.draw(args.weights, asked)), data_root(args.data_dir), args.k, args.n)
    try:
        nearest.draw(near, out)
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written ({error.strerror or error})") from error
    print(f"{found.words(args.weights)} of step {found.step}: {near.sentence()}\n{out}")
    return 0


def evaluate(args: argparse.Namespace) -> int:
    """Score the generator as the trainer does, and print the numbers."""
    import json

    from gan.randomness import stream
    from gan.sampling import points, scores
    from lab.training.paths import data_root

    found = _trained(args)
    n = found.config.evaluation_samples if args.samples is None else args.samples
    _at_least(n, 2, "--samples")
    _at_least(args.seed, 0, "--seed")
    asked = points(found.config, n, stream(args.seed, "samples")).to(found.device)
    scorer = found.config.data.thorough().open(data_root(args.data_dir), _warn).scorer(found.device)
    scored = {}
    for name in found.generators:
        samples = found.draw(name, asked)
        if not samples.isfinite().all():
            raise RunError(
                f"the {name} weights of step {found.step} draw samples that are not finite; no score is defined"
            )
        scored[name] = scores(found.config, scorer, samples, asked)
    rows = [{"step": found.step, "weights": name, "samples": n, **own} for name, own in scored.items()]
    if args.json:
        print(json.dumps(rows if args.weights == EVERY else rows[0]))
        return 0
    print(f"step {found.step}, {n} samples")
    if not any(scored.values()):
        print("  no score: nothing is known of the data but its samples")
        return 0
    print(" ".join([f"  {'':<16}", *(f"{found.words(name):>24}" for name in scored)]))
    for key in next(iter(scored.values())):
        print(" ".join([f"  {key:<16}", *(f"{own[key]:>24.6g}" for own in scored.values())]))
    return 0


def _add_weights(parser: argparse._ActionsContainer, every: bool) -> None:
    parser.add_argument(
        "--weights",
        choices=(*WEIGHTS, ENSEMBLE, *([EVERY] if every else [])),
        default="average",
        help="the generator's moving average (default), the generator itself, or a mixture of those kept at troughs"
        + ("; all: side by side" if every else ""),
    )


@dataclass(frozen=True)
class Trained:
    """What a run has learned.

    Attributes:
        generators: by the word of ``--weights``, in evaluation mode on the device; several for an ensemble.
    """

    generators: dict[str, list[nn.Module]]
    config: GanConfig
    step: int
    device: torch.device

    def words(self, name: str) -> str:
        """How weights are called in what is printed."""
        count = len(self.generators[name])
        return f"ensemble of {count}" if name == ENSEMBLE else f"{name} weights"

    def draw(self, name: str, points: torch.Tensor) -> torch.Tensor:
        """Samples of the weights ``name``, each generator of an ensemble taking as many of every class."""
        from gan.sampling import mixture

        return mixture(self.generators[name], points, run=self.config.classes or 1)


def _trained(args: argparse.Namespace) -> Trained:
    """The asked generators of the run's newest whole checkpoint."""
    import torch

    from gan.config import GanConfig
    from gan.networks import players
    from lab.training.config import resolve
    from lab.training.device import resolve_device
    from lab.training.recovery import look
    from lab.training.restoring import checked

    run = options.chosen_run(args)
    if run.trainer != "gan":
        raise UserError(f"{run.path}: a run of {run.trainer!r}; this command takes runs of 'gan'")
    config = resolve(GanConfig, run.config, source=str(run.path / "config.yaml"))
    found = look(run, _warn)
    device = resolve_device(args.device or "auto")

    def generator(state: Mapping[str, torch.Tensor]) -> nn.Module:
        network = players.generator(config, torch.Generator())
        checked(lambda: network.load_state_dict(state), f"{run.checkpoints}: step {found.step}")
        return network.to(device).eval()

    asked = [*WEIGHTS, ENSEMBLE] if args.weights == EVERY else [args.weights]
    generators = {name: [generator(found.state[WEIGHTS[name]])] for name in asked if name in WEIGHTS}
    if ENSEMBLE in asked:
        kept = _kept(run, config, found.step)
        if kept:
            generators[ENSEMBLE] = [generator(state) for state in kept]
        elif args.weights == ENSEMBLE:
            until = f" up to its checkpoint of step {found.step:,}" if config.ensemble_size else ""
            raise UserError(f"{run.path}: no generator was kept{until}; ensemble_size is {config.ensemble_size}")
        else:
            _warn(f"{run.path}: no generator was kept, so there is no ensemble to score")
    return Trained(generators, config, found.step, device)


def _kept(run: Run, config: GanConfig, step: int) -> list[dict[str, torch.Tensor]]:
    """The weights of the generators that the run has kept up to its checkpoint; none where none was kept."""
    import torch

    from gan.networks import players
    from gan.snapshots import load_members, members

    paths = [path for path in members(run.snapshots) if int(path.stem.split("-")[-1]) <= step]
    return load_members(paths, players.generator(config, torch.Generator())) if paths else []


def _warn(message: str) -> None:
    print(f"lab: warning: {message}", file=sys.stderr)


def _is_class(label: int | None, config: GanConfig) -> None:
    if label is None:
        return
    if not config.classes:
        raise UserError("--class: the run is not conditional; it draws of no class by itself")
    if not 0 <= label < config.classes:
        raise UserError(f"--class: {label} is not accepted; 0 to {config.classes - 1} is")


def _at_least(value: int, least: int, option: str) -> None:
    if value < least:
        raise UserError(f"{option}: {value} is not accepted; it must be at least {least}")

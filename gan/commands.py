"""`lab gan sample` and `lab gan evaluate`: what a trained generator draws, and how it scores."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli import options
from lab.errors import RunError, UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gan.config import GanConfig

WEIGHTS = {"average": "ema", "raw": "generator"}
"""Names of the two sets of weights on the command line, and in a checkpoint."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    draw = subparsers.add_parser("sample", help="draw samples from a run's generator")
    options.add_run_argument(draw)
    draw.add_argument("--n", type=int, default=64, metavar="N", help="how many samples (default: 64)")
    draw.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".png a picture, .npz or .csv the numbers"
    )
    draw.add_argument("--seed", type=int, default=0, help="of the latent points (default: 0)")
    _add_weights(draw)
    options.add_device_option(draw)
    draw.set_defaults(run=sample)

    score = subparsers.add_parser("evaluate", help="score a run's generator")
    options.add_run_argument(score)
    score.add_argument(
        "--samples", type=int, metavar="N", help="samples to score (default: as the run's configuration)"
    )
    score.add_argument("--seed", type=int, default=0, help="of the latent points (default: 0)")
    _add_weights(score)
    options.add_data_option(score)
    options.add_device_option(score)
    options.add_json_option(score)
    score.set_defaults(run=evaluate)


def sample(args: argparse.Namespace) -> int:
    """Draw samples and write them in the form that the file's suffix asks for."""
    from gan.export import WRITERS
    from gan.randomness import stream
    from gan.sampling import kept, latents
    from gan.sampling import sample as draw

    out: Path = args.out
    if out.suffix.lower() not in WRITERS:
        raise UserError(f"--out: {out.name!r} ends in none of {', '.join(WRITERS)}")
    _at_least(args.n, 1, "--n")
    _at_least(args.seed, 0, "--seed")
    network, config, step, device = _generator(args)
    points = latents(args.n, config.latent, stream(args.seed, "samples")).to(device)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[out.suffix.lower()](out, kept(draw(network, points)))
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written ({error.strerror or error})") from error
    print(f"{args.n} samples of step {step} ({args.weights} weights): {out}")
    return 0


def evaluate(args: argparse.Namespace) -> int:
    """Score the generator as the trainer does, and print the numbers."""
    import json

    from gan.randomness import stream
    from gan.sampling import latents
    from gan.sampling import sample as draw
    from lab.training.paths import data_root

    network, config, step, device = _generator(args)
    n = config.evaluation_samples if args.samples is None else args.samples
    _at_least(n, 2, "--samples")
    _at_least(args.seed, 0, "--seed")
    points = latents(n, config.latent, stream(args.seed, "samples")).to(device)
    data_dir = data_root(args.data_dir)
    scorer = config.data.thorough().open(data_dir, _warn).scorer(device)
    samples = draw(network, points)
    if not samples.isfinite().all():
        raise RunError(
            f"the {args.weights} weights of step {step} draw samples that are not finite; no score is defined"
        )
    scores = scorer(samples)
    if args.json:
        print(json.dumps({"step": step, "weights": args.weights, "samples": n, **scores}))
    else:
        print(f"step {step}, {args.weights} weights, {n} samples")
        for name, value in scores.items():
            print(f"  {name:<16} {value:.6g}")
    return 0


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights",
        choices=tuple(WEIGHTS),
        default="average",
        help="the generator's moving average (default), or the generator itself",
    )


def _generator(args: argparse.Namespace) -> tuple[nn.Module, GanConfig, int, torch.device]:
    """The asked generator of the run's newest whole checkpoint, its configuration, step and device."""
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
    network = players.generator(config, torch.Generator())
    checked(
        lambda: network.load_state_dict(found.state[WEIGHTS[args.weights]]), f"{run.checkpoints}: step {found.step}"
    )
    return network.to(device).eval(), config, found.step, device


def _warn(message: str) -> None:
    print(f"lab: warning: {message}", file=sys.stderr)


def _at_least(value: int, least: int, option: str) -> None:
    if value < least:
        raise UserError(f"{option}: {value} is not accepted; it must be at least {least}")

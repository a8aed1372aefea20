"""`lab <trainer> train`: trains a preset or a configuration file, for every installed trainer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli import COMMANDS, options
from lab.errors import UserError
from lab.training.plugins import discover, preset_path, preset_words
from lab.training.trainer import TrainerPlugin

if TYPE_CHECKING:
    from lab.training.mirrors.mirror import Mirror
    from lab.training.run import Run

Subparsers = argparse._SubParsersAction  # its only name


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `lab NAME …` for each trainer; one that cannot be loaded says why when it is asked for."""
    found, broken = discover()
    for name, plugin in found.items():
        if name in COMMANDS:  # no trainer takes a command of the laboratory away
            continue
        try:
            _add_trainer(subparsers, name, plugin)
        except Exception as error:  # whatever someone else's plug-in is
            subparsers.choices.pop(name, None)
            broken = {**broken, name: f"{type(error).__name__}: {error}"}
    for name, reason in broken.items():
        if name not in COMMANDS:
            _add_broken(subparsers, name, reason)


def _add_trainer(subparsers: Subparsers[argparse.ArgumentParser], name: str, plugin: TrainerPlugin) -> None:
    trainer = subparsers.add_parser(name, help=plugin.summary.replace("%", "%%"), description=plugin.summary)
    commands = trainer.add_subparsers(metavar="COMMAND", required=True)
    train = commands.add_parser(
        "train",
        help="train a preset or a configuration file",
        description=f"Train a preset or a configuration file; one step is one {plugin.step_unit}.",
        epilog=f"presets: {', '.join(preset_words(plugin))} (YAML files to copy and change, in {plugin.presets})",
    )
    train.add_argument("preset", metavar="PRESET|FILE", help="the name of a preset, or a YAML file")
    train.add_argument(
        "--init-from", metavar="RUN[@STEP]", help="begin with the weights of a run's newest checkpoint, or that of STEP"
    )
    options.add_set_option(train)
    if arms := getattr(plugin, "arms", ()):
        train.add_argument("--arm", choices=tuple(arms), help="train it as this arm of a comparison (before --set)")
    if hasattr(plugin, "add_train_options"):
        plugin.add_train_options(train)
    train.add_argument("--name", help="the run's name (default: PRESET-sSEED)")
    options.add_device_option(train)
    options.add_threads_option(train)
    options.add_results_option(train)
    options.add_data_option(train)
    options.add_mirror_options(train)
    options.add_quiet_option(train)
    train.set_defaults(run=_runner(plugin))
    try:
        plugin.add_commands(commands)
    except Exception as error:  # someone else's code: it costs its own commands, not everybody's
        trainer.epilog = f"its other commands cannot be loaded: {type(error).__name__}: {error}"


def _add_broken(subparsers: Subparsers[argparse.ArgumentParser], name: str, reason: str) -> None:
    def run(args: argparse.Namespace) -> int:
        raise UserError(f"trainer {name!r} cannot be loaded: {reason}")

    text = f"(cannot be loaded: {reason})"
    broken = subparsers.add_parser(name, help=text.replace("%", "%%"), description=text)
    broken.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    broken.set_defaults(run=run)


def _runner(plugin: TrainerPlugin) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        return start(plugin, args)

    return run


def start(plugin: TrainerPlugin, args: argparse.Namespace) -> int:
    """Make a run directory and train."""
    from lab.training.config import load_yaml, resolve
    from lab.training.init_from import parsed
    from lab.training.overrides import override
    from lab.training.paths import runs_root
    from lab.training.run import Run

    path = preset_path(plugin, args.preset)
    begin = [f"init_from={json.dumps(parsed(args.init_from))}"] if args.init_from else []
    own = plugin.sets(args) if hasattr(plugin, "sets") else []
    sets = [*begin, *own, *args.set, *([f"device={args.device}"] if args.device else [])]
    mapping = load_yaml(path)
    if arm := getattr(args, "arm", None):
        kind = plugin.config_type()
        mapping = override(kind, mapping, plugin.arrange(resolve(kind, mapping, source=str(path)), arm))  # type: ignore[attr-defined]
    config = resolve(plugin.config_type(), mapping, sets, source=str(path))
    from lab.training.device import resolve_device, set_threads  # torch: only once nothing is wrong with the words
    from lab.training.initial import pinned

    config = pinned(config, runs_root(args.results), plugin.name)
    resolve_device(config.device)
    set_threads(args.threads)
    for kind in args.mirrors:
        kind.require()
    if hasattr(plugin, "take_part") and (status := plugin.take_part(args, config, path.stem)) is not None:
        return int(status)
    run = Run.create(runs_root(args.results), args.name, plugin.name, config, preset=path.stem)
    try:
        status = carry_on(plugin, run, args.data_dir, args.quiet, args.mirrors)
    except UserError:  # a mistake that only the data or the task could show
        run.discard_untrained()
        raise
    if status == 2:  # the same, in another process
        run.discard_untrained()
    return status


def carry_on(
    plugin: TrainerPlugin, run: Run, data_dir: str | Path | None, quiet: bool, mirrors: Sequence[type[Mirror]] = ()
) -> int:
    """Train a run to its end, showing progress, and say where its results are and what to do next.

    A mirror that is there is gone on with unasked, for it would show what the run never did; it may then fail.
    """
    from lab.training.loop import load_config, make_context, train, warn
    from lab.training.mirrors import MIRRORS
    from lab.training.mirrors.log import MirroredLog
    from lab.training.progress import duration, headline_words, show_progress

    if hasattr(plugin, "launch") and (status := plugin.launch(run, _words(data_dir, quiet, mirrors))) is not None:
        return int(status)
    kinds = [kind for kind in MIRRORS if kind in mirrors or (run.path / kind.name).is_dir()]
    run.metrics = log = MirroredLog(run.metrics.path, [kind(run) for kind in kinds], warn)

    config = load_config(plugin, run)
    context = make_context(run, config, data_dir)
    with show_progress(run.name, config.steps, plugin.headline, quiet) as progress:
        outcome = train(plugin, run, context, progress=progress)
    word = run.mention
    if outcome.was_finished:
        if log.mirrors:  # the run may have been trained without
            with run.lock():
                log.rewrite()
        print(f"run {run.name} is finished already, at step {outcome.step}; nothing to do")
    else:
        numbers = headline_words(outcome.row, plugin.headline)
        steps = f"{outcome.step - outcome.began_at} steps in {duration(outcome.seconds)}"
        print(f"run {run.name}: {steps}, {context.device.type}" + (f"; {numbers}" if numbers else ""))
    print(f"results: {run.path}")
    for mirror in log.mirrors:
        print(f"mirror:  {mirror.view}")
    print(f"next:    lab report {word}    lab plot {word}")
    return 0


def _words(data_dir: str | Path | None, quiet: bool, mirrors: Sequence[type[Mirror]]) -> list[str]:
    """The command line of another process that carries on in the same way."""
    data = [] if data_dir is None else ["--data-dir", str(data_dir)]
    return [*data, *(["--quiet"] if quiet else []), *(f"--{kind.name}" for kind in mirrors)]

"""`lab bench`: what conducting costs, and how fast the trainers are, as ratios measured side by side."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.errors import UserError
from lab.training.plugins import trainers

if TYPE_CHECKING:
    from lab.phase import Conductor
    from lab.training.trainer import Trainer, TrainerPlugin

WORKLOADS = (("ring", 3.0, 40), ("mnist", 1.0, 5))
"""Preset of the GAN trainer, the most that six voices may cost in percent of a step, steps a block."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab bench phase`, and `lab bench NAME` for each trainer that can measure itself."""
    bench = subparsers.add_parser("bench", help="measure on this machine, as ratios")
    kinds = bench.add_subparsers(metavar="WHAT", required=True)
    phase = kinds.add_parser("phase", help="the conductor's cost as a share of a training step")
    phase.add_argument("--blocks", type=int, default=9, help="blocks a workload; the median counts (default 9)")
    phase.add_argument("--threads", type=int, default=1, help="threads torch may use (default 1)")
    phase.add_argument("--data-dir", type=Path, help="where data sets lie (default: $LAB_DATA)")
    phase.add_argument("--json", action="store_true", help="print JSON")
    phase.set_defaults(run=run)
    _add_studies(kinds)
    for name, plugin in trainers().items():
        if hasattr(plugin, "bench"):
            _add_trainer(kinds, name, plugin)
        for word, (summary, measure) in getattr(plugin, "benches", {}).items():
            more = kinds.add_parser(word, help=summary)
            _add_options(more)
            more.set_defaults(run=lambda args, measure=measure: _report(measure, args, "cpu"))


def _add_studies(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from lab.cli import options

    studies = kinds.add_parser("studies", help="how much of the cores a study of 200 one-second trials uses")
    studies.add_argument("--short", action="store_true", help="20 trials, for a check")
    studies.add_argument("--jobs", type=int, metavar="N", help="processes at once (default: one a core)")
    studies.add_argument("--engine", choices=("local", "ray"), default="local", help="what runs the trials")
    studies.add_argument("--check", type=float, metavar="R", help="exit with status 1 where trials are under way less")
    options.add_json_option(studies)
    studies.set_defaults(run=run_studies)


def run_studies(args: argparse.Namespace) -> int:
    """Run such a study; exit status 1 where trials are under way less than ``--check`` asks for."""
    from lab.studies.bench import use_of_cores
    from lab.studies.engines import engine

    found = use_of_cores(engine(args.engine), args.jobs, short=args.short)
    if args.json:
        print(json.dumps({**circumstances(1), **found}, indent=2))
    else:
        print(
            f"{found['trials']} trials of {found['steps']} steps, "
            f"{found['cpu_seconds'] / found['trials']:.2f} s of CPU time each; "
            f"{found['jobs']} at once, {found['seconds']:.1f} s from the call to the page\n"
            f"trials were under way {found['busy']:.1%} of the time of {found['jobs']} cores, and had "
            f"{found['used']:.1%} of it"
        )
    if args.check is not None and found["busy"] < args.check:
        print(f"lab bench: studies: {found['busy']:.1%} is under {args.check:.1%}", file=sys.stderr)
        return 1
    return 0


def _add_trainer(kinds: argparse._SubParsersAction[argparse.ArgumentParser], name: str, plugin: TrainerPlugin) -> None:
    bench = kinds.add_parser(name, help=f"the speed of `lab {name} train` against a plain script")
    _add_options(bench)
    if getattr(plugin, "bench_diagnostics", None):
        bench.add_argument(
            "--diagnostics",
            action="store_true",
            help="what recording diagnostics costs: training with them and without",
        )
    devices = getattr(plugin, "bench_devices", ("cpu",))
    bench.add_argument("--device", choices=devices, default=devices[0], help=f"where (default {devices[0]})")
    bench.set_defaults(run=lambda args: run_trainer(plugin, args))


def _add_options(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("--short", action="store_true", help="a quarter of a minute, for a check")
    bench.add_argument("--check", type=float, metavar="R", help="exit with status 1 where a ratio is under R")
    bench.add_argument("--threads", type=int, default=1, help="threads torch may use (default 1)")
    bench.add_argument("--out", type=Path, metavar="FILE", help="also write what was measured, as JSON")
    bench.add_argument("--json", action="store_true", help="print JSON")


def run_trainer(plugin: TrainerPlugin, args: argparse.Namespace) -> int:
    """Let a trainer measure itself; exit status 1 where a ratio is under what ``--check`` asks for."""
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no CUDA device; accepted here: cpu")
    choice = {"device": args.device} if hasattr(plugin, "bench_devices") else {}
    bench: Callable[..., dict[str, Any]] = getattr(
        plugin, "bench_diagnostics" if getattr(args, "diagnostics", False) else "bench"
    )
    return _report(partial(bench, **choice), args, args.device)


def _report(measure: Callable[..., dict[str, Any]], args: argparse.Namespace, device: str) -> int:
    """Measure, print and write; exit status 1 where a ratio is under what ``--check`` asks for."""
    import torch

    from lab.training.device import device_name, set_threads
    from lab.training.files import replace_file

    set_threads(args.threads)
    measured = measure(short=args.short)
    found = {**circumstances(args.threads), "device": device_name(torch.device(device)), **measured}
    text = json.dumps(found, indent=2) + "\n"
    if args.out:
        try:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            replace_file(args.out, text.encode())
        except OSError as error:
            raise UserError(f"--out {args.out}: cannot be written: {error.strerror}") from None
    if args.json:
        print(text, end="")
    else:
        print(f"{found['what']}; {args.threads} thread(s), {found['device']}")
        for name, row in found["workloads"].items():
            digits = 3 if "percent" in row else 2
            low, high = (f"{quartile:.{digits}f}" for quartile in row["ratio_quartiles"])
            cost = f"costs {row['percent']:.1f} %, " if "percent" in row else ""
            print(
                f"{name:>14}: {cost}{row['ratio']:.{digits}f} times as fast [quartiles {low}, {high}]: "
                f"{row['ours_per_second']:,} against {row['plain_per_second']:,} {row['unit']}, {row['blocks']} blocks"
            )
    slow = [name for name, row in found["workloads"].items() if args.check is not None and row["ratio"] < args.check]
    for name in slow:
        print(f"lab bench: {name}: {found['workloads'][name]['ratio']:.2f} is under {args.check}", file=sys.stderr)
    return 1 if slow else 0


def circumstances(threads: int) -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    import platform

    from lab.training.provenance import PACKAGES, package_version

    return {
        "processor": _processor(),
        "threads": threads,
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
    }


def _processor() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def run(args: argparse.Namespace) -> int:
    """Measure every workload; exit status 1 where the conductor costs more than promised."""
    from lab.training.device import set_threads

    if args.blocks < 1:
        raise UserError(f"--blocks {args.blocks}: at least one is needed")
    set_threads(args.threads)
    rows = [measure(preset, limit, steps, args) for preset, limit, steps in WORKLOADS]
    if args.json:
        print(json.dumps({"threads": args.threads, "blocks": args.blocks, "workloads": rows}, indent=2))
    else:
        print(f"six voices on one clock, {args.threads} thread(s), median of {args.blocks} blocks")
        for row in rows:
            print(
                f"{row['preset']:>8}: a step {row['step_us']:9.1f} µs, conducting it {row['conductor_us']:6.1f} µs,"
                f" {row['percent']:.2f} % of it (at most {row['limit_percent']:.0f} %)"
            )
    over = [row for row in rows if row["percent"] > row["limit_percent"]]
    for row in over:
        print(f"lab bench: {row['preset']}: {row['percent']:.2f} % is over the limit", file=sys.stderr)
    return 1 if over else 0


def measure(preset: str, limit: float, steps: int, args: argparse.Namespace) -> dict[str, Any]:
    """Time blocks of ``steps`` training steps and of as many conductor steps, in turn, after one block to warm up."""
    trainer = build(preset, args.data_dir)
    conductor = six_voices()

    def train() -> None:
        trainer.advance(trainer.step + steps)

    def conduct() -> None:
        for step in range(trainer.step, trainer.step + steps):
            conductor.step(step)

    seconds: dict[Callable[[], None], list[float]] = {train: [], conduct: []}
    for block in range(args.blocks + 1):
        for work, times in seconds.items():
            started = time.perf_counter()
            work()
            if block:
                times.append((time.perf_counter() - started) / steps)
    percent = statistics.median(c / t for t, c in zip(seconds[train], seconds[conduct], strict=True)) * 100
    return {
        "preset": preset,
        "step_us": round(statistics.median(seconds[train]) * 1e6, 1),
        "conductor_us": round(statistics.median(seconds[conduct]) * 1e6, 2),
        "percent": round(percent, 3),
        "limit_percent": limit,
    }


def build(preset: str, data_dir: Path | None) -> Trainer:
    """The GAN trainer of a preset at step 0, as `lab gan train` would build it, without a run directory."""
    import tempfile

    from lab.training.config import load_yaml, resolve
    from lab.training.device import resolve_device
    from lab.training.paths import data_root
    from lab.training.trainer import Context

    plugin = trainers()["gan"]
    config = resolve(plugin.config_type(), load_yaml(plugin.presets / f"{preset}.yaml"), [])
    context = Context(
        device=resolve_device(config.device),
        data_dir=data_root(data_dir),
        snapshots=Path(tempfile.gettempdir()),
        event=lambda *args, **data: None,
    )
    return plugin.build(config, context)


def six_voices() -> Conductor:
    """Six voices of six waves on one clock, each bound to a real target of another kind."""
    import torch
    from torch import nn

    from lab.phase import Clock, Conductor, Schedule, targets

    net = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 8), nn.Dropout())
    adam = torch.optim.AdamW(net.parameters(), lr=torch.tensor(1e-3), fused=True)
    sgd = torch.optim.SGD(net.parameters(), lr=1e-3)
    clock = Clock(period=1000)
    lead = Schedule(clock, wave="cosine", low=1e-5, high=1e-3)
    return Conductor(
        {
            "lr.generator": (lead, targets.param_group(adam, "lr")),
            "lr.discriminator": (lead.shifted(0.25), targets.param_group(sgd, "lr")),
            "weight_decay": (lead.anti_phase(0.0, 0.1), targets.param_group(adam, "weight_decay")),
            "dropout": (Schedule(clock, wave="triangle", low=0.0, high=0.5), targets.modules(net, nn.Dropout, "p")),
            "momentum": (
                Schedule(clock, wave="anneal", low=0.01, high=0.1),
                targets.modules(net, nn.BatchNorm1d, "momentum"),
            ),
            "smoothing": (Schedule(clock, wave="sawtooth", low=0.0, high=0.1), targets.buffer(torch.zeros(()))),
        }
    )

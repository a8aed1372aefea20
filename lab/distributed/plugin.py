"""How the trainer of runs with workers announces itself to the laboratory; importing this imports no torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from lab.training.trainer import Context, Trainer

if TYPE_CHECKING:
    from lab.distributed.config import DistributedConfig
    from lab.distributed.group import Group
    from lab.training.run import Run

MODULE = "lab.distributed"


@dataclass
class DistributedPlugin:
    """Obeys :class:`lab.training.trainer.TrainerPlugin`; what it knows of columns, its workers' trainers know.

    Attributes:
        group: of workers that are processes, in each of these; None elsewhere.
        averaged: told of each average there.
    """

    group: Group | None = None
    averaged: Callable[[Any], object] | None = None

    name = "distributed"
    summary = "train a preset of another trainer with several workers, each with its own offset in the cycle"
    presets = Path(__file__).parent / "presets"
    presets_of = "shares"
    modules = (f"{MODULE}.trainer",)
    step_unit = "joint update"
    headline: Sequence[str] = (
        "evaluation/accuracy",
        "evaluation/ema/modes",
        "evaluation/ema/good",
        "evaluation/ema/frechet",
        "train/loss",
        "loss/generator",
        "workers/spread",
    )

    @property
    def lower_is_better(self) -> Sequence[str]:
        """Those of all trainers, and what is sent."""
        from lab.training.plugins import offering

        found = [
            name for plugin in offering(self.presets_of).values() for name in getattr(plugin, "lower_is_better", ())
        ]
        return (*dict.fromkeys(found), "evaluation/bytes", "evaluation/averages")

    def config_type(self) -> type[DistributedConfig]:
        """Of any trainer; a file's data say of which."""
        from lab.distributed.config import DistributedConfig

        return DistributedConfig

    def build(self, config: Any, context: Context) -> Trainer:
        """Workers at step 0."""
        from lab.distributed.trainer import DistributedTrainer

        return DistributedTrainer(config, context, self.group, self.averaged)

    def add_commands(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add the commands beside ``train``."""
        resolve_name(f"{MODULE}.commands:add_commands")(subparsers)

    def add_train_options(self, parser: argparse.ArgumentParser) -> None:
        """``--workers`` and what starts them."""
        resolve_name(f"{MODULE}.commands:add_train_options")(parser)

    def sets(self, args: argparse.Namespace) -> list[str]:
        """What these options change."""
        found: list[str] = resolve_name(f"{MODULE}.commands:sets")(args)
        return found

    def take_part(self, args: argparse.Namespace, config: Any, preset: str) -> int | None:
        """Train a new run as one of the processes that torchrun started; None where it started none."""
        status: int | None = resolve_name(f"{MODULE}.commands:take_part")(args, config, preset)
        return status

    def launch(self, run: Run, words: Sequence[str]) -> int | None:
        """Train a run in processes, unless this is one of them or its workers take turns."""
        workers = run.config["workers"]
        if self.group is not None or workers["simulated"] or workers["count"] == 1:
            return None
        launched = resolve_name(f"{MODULE}.launch:launch")
        status: int = launched(run.path, workers["count"], words, workers["restarts"], run.provenance.get("threads"))
        return status

    def shown_as(self, config: Mapping[str, Any]) -> str:
        """The trainer of its workers."""
        return str(config["trainer"])

    def moved(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Voices that are not what the configuration says on every worker; the log has their means."""
        found: list[str] = resolve_name(f"{MODULE}.clocks:moved")(config)
        return found

    def figures(self, runs: Sequence[Path], out: Path, *only: Sequence[str]) -> list[Any]:
        """None of its own: its runs are drawn as those of its workers' trainer."""
        return []

    @property
    def benches(self) -> dict[str, tuple[str, Callable[..., dict[str, Any]]]]:
        """What averaging costs."""
        summary = "what a step with workers takes in one process, against the steps of its workers alone"
        return {"distributed": (summary, lambda short=False: resolve_name(f"{MODULE}.bench:measure")(short))}


PLUGIN = DistributedPlugin()
"""The entry point ``distributed`` of the group ``phaselab.trainers``."""

"""How the GAN trainer announces itself to the laboratory; importing this module imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from lab.training.config import RunConfig
    from lab.training.trainer import Context, Trainer


@dataclass(frozen=True)
class GanPlugin:
    """The entry point ``gan`` of the group ``phaselab.trainers``."""

    name: str = "gan"
    summary: str = "train GANs whose two learning rates keep a phase relation"
    presets: Path = Path(__file__).parent / "presets"
    step_unit: str = "generator update"
    headline: Sequence[str] = (
        "evaluation/ema/modes",
        "evaluation/ema/good",
        "evaluation/ema/frechet",
        "loss/generator",
        "loss/discriminator",
    )
    lower_is_better: Sequence[str] = ("evaluation/ema/frechet",)

    def config_type(self) -> type[RunConfig]:
        """The configuration model, :class:`gan.config.GanConfig`."""
        from gan.config import GanConfig

        return GanConfig

    def build(self, config: Any, context: Context) -> Trainer:
        """A :class:`gan.trainer.GanTrainer` at step 0."""
        from gan.trainer import GanTrainer

        return GanTrainer(config, context)

    def add_commands(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add ``lab gan sample`` and ``lab gan evaluate``."""
        from gan.commands import add_commands

        add_commands(subparsers)

    def figures(self, runs: Sequence[Path], out: Path) -> list[Any]:
        """Draw the GAN's own figures of ``runs`` into ``out``."""
        from gan.figures import draw

        return list(draw(runs, out))

    def bench(self, short: bool = False) -> dict[str, Any]:
        """Steps a second against the plain loop of a script, for ``lab bench gan``."""
        from gan.bench import measure

        return measure(short)


PLUGIN = GanPlugin()

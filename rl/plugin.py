"""How the RL trainer announces itself to the laboratory; importing this imports neither torch nor SB3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from lab.training.config import RunConfig
    from lab.training.trainer import Context, Trainer


class RlPlugin:
    """PPO on a curriculum, conducted by the clock (obeys ``lab.training.trainer.TrainerPlugin``)."""

    name = "rl"
    summary = "reinforcement learning (PPO) whose learning rate follows the curriculum's difficulty"
    presets = Path(__file__).parent / "presets"
    step_unit = "environment step"
    headline: Sequence[str] = (
        "evaluation/return",
        "evaluation/success",
        "rollout/return",
        "curriculum/difficulty",
        "voice/learning_rate",
    )

    def config_type(self) -> type[RunConfig]:
        """The typed configuration, ``rl.config.RlConfig``."""
        from rl.config import RlConfig

        return RlConfig

    def build(self, config: Any, context: Context) -> Trainer:
        """A trainer at step 0."""
        from rl.trainer import RlTrainer

        return RlTrainer(config, context)

    def add_commands(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add ``evaluate``, ``watch`` and ``export`` beside ``train``."""
        from rl.commands import add_commands

        add_commands(subparsers)

    def figures(self, runs: Sequence[Path], out: Path) -> list[Any]:
        """Learning rate and difficulty on one axis, the difficulty × steps heatmap, the target task's return."""
        from rl.figures import draw

        return list(draw(runs, out))

    def bench(self, short: bool = False) -> dict[str, Any]:
        """Environment steps a second against plain Stable-Baselines3, for ``lab bench rl``."""
        from rl.bench import measure

        return measure(short)


PLUGIN = RlPlugin()

"""Announces the toy trainer; imports no torch, as a plug-in should."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toy import ToyTrainer
    from toy_config import ToyConfig

    from lab.training.trainer import Context


class ToyPlugin:
    name = "toy"
    summary = "a regression for tests, 100% real"
    presets = Path(__file__).with_name("presets")
    step_unit = "optimiser update"
    headline = ("evaluation/error", "loss/net")

    def config_type(self) -> type[ToyConfig]:
        from toy_config import ToyConfig

        return ToyConfig

    def build(self, config: ToyConfig, context: Context) -> ToyTrainer:
        from toy import ToyTrainer

        return ToyTrainer(config, context)

    def add_commands(self, subparsers: argparse._SubParsersAction) -> None:
        subparsers.add_parser("greet").set_defaults(run=lambda args: print("hello"))

    def figures(self, runs: Sequence[Path], out: Path) -> list[Any]:
        return []


PLUGIN = ToyPlugin()

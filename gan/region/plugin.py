"""How the region trainer announces itself to the laboratory; importing this imports no torch."""

from pathlib import Path

from lab.training.trainer import LatePlugin

PLUGIN = LatePlugin(
    name="region",
    summary="train a GAN over a grid of learning rates at once, and map where it trains",
    presets=Path(__file__).parent / "presets",
    step_unit="generator update",
    headline=("evaluation/trained", "cells/lost"),
    config="gan.region.config:RegionConfig",
    trainer="gan.region.trainer:RegionTrainer",
    commands="gan.region.commands:add_commands",
    draw="gan.region.figures:draw",
    measure="gan.region.bench:measure",
)
"""The entry point ``region`` of the group ``phaselab.trainers``."""

"""How the federated trainer announces itself to the laboratory; importing this imports no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.training.trainer import LatePlugin


def networks_of(config: Mapping[str, Any]) -> str:
    """The trainer whose networks the clients of a run train."""
    return str(config["federated"]["trainer"])


PLUGIN = LatePlugin(
    name="federated",
    summary="train classifiers and GANs on clients that keep their data, each on a clock of its own",
    presets=Path(__file__).parent / "presets",
    step_unit="round",
    headline=(
        "evaluation/accuracy",
        "evaluation/worst_client",
        "evaluation/rounds_to_target",
        "evaluation/modes",
        "evaluation/good",
        "clients/refused",
        "clients/dropped",
    ),
    lower_is_better=(
        "evaluation/nll",
        "evaluation/nll_scaled",
        "evaluation/brier",
        "evaluation/ece",
        "evaluation/ece_scaled",
        "evaluation/rounds_to_target",
        "evaluation/frechet",
        "evaluation/frechet_pixels",
        "evaluation/reverse_kl",
    ),
    dynamics=("train/loss",),
    config="lab.federated.config:FederatedConfig",
    trainer="lab.federated.trainer:FederatedTrainer",
    commands="lab.federated.commands:add_commands",
    draw="lab.federated.figures:draw",
    drawn="lab.federated.figures:FIGURES",
    measure="lab.federated.bench:measure",
    measure_more={
        "clients": (
            "memory and time of a federated round against the number of clients",
            "lab.federated.bench:measure_clients",
        )
    },
    presets_of="federated",
    inner="lab.federated.plugin:networks_of",
    options="lab.federated.commands",
)
"""The entry point ``federated`` of the group ``phaselab.trainers``."""

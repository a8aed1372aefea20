"""How the classifier's trainer announces itself to the laboratory; importing this imports no torch."""

from pathlib import Path

from lab.training.trainer import LatePlugin

PLUGIN = LatePlugin(
    name="supervised",
    summary="train classifiers, and the techniques that ride on the clock",
    presets=Path(__file__).parent / "presets",
    step_unit="update",
    headline=("evaluation/accuracy", "evaluation/average/accuracy", "train/loss", "voice/lr"),
    lower_is_better=(
        *(
            f"evaluation/{word}{name}"
            for word in ("", "average/", "ensemble/", "swa/", "deployed/", "reestimated/")
            for name in ("nll", "nll_scaled", "brier", "ece", "ece_scaled")
        ),
        "evaluation/forgetting",
    ),
    dynamics=("train/loss",),
    shares=True,
    config="lab.supervised.config:SupervisedConfig",
    trainer="lab.supervised.trainer:SupervisedTrainer",
    commands="lab.supervised.commands:add_commands",
    draw="lab.supervised.figures:draw",
    drawn="lab.supervised.figures:FIGURES",
    measure="lab.supervised.bench:measure",
    measure_more={"techniques": ("what each technique adds to a step", "lab.supervised.bench:measure_techniques")},
    federated="lab.supervised.federated",
)
"""The entry point ``supervised`` of the group ``phaselab.trainers``."""

"""How the RL trainer announces itself to the laboratory; importing this imports neither torch nor SB3."""

from pathlib import Path

from lab.training.trainer import LatePlugin

PLUGIN = LatePlugin(
    name="rl",
    summary="reinforcement learning (SB3's agents) whose learning rate follows the curriculum's difficulty",
    presets=Path(__file__).parent / "presets",
    step_unit="environment step",
    headline=(
        "evaluation/return",
        "evaluation/success",
        "rollout/return",
        "curriculum/difficulty",
        "voice/learning_rate",
    ),
    dynamics=("loss/policy", "loss/value", "loss/entropy"),
    config="rl.config:RlConfig",
    trainer="rl.trainer:RlTrainer",
    commands="rl.commands:add_commands",
    draw="rl.figures:draw",
    drawn="rl.figures:FIGURES",
    measure="rl.bench:measure",
)
"""The entry point ``rl`` of the group ``phaselab.trainers``."""

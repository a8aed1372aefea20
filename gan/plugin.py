"""How the GAN trainer announces itself to the laboratory; importing this imports no torch."""

from pathlib import Path

from lab.training.trainer import LatePlugin

PLUGIN = LatePlugin(
    name="gan",
    summary="train GANs whose two learning rates keep a phase relation",
    presets=Path(__file__).parent / "presets",
    step_unit="generator update",
    headline=(
        "evaluation/ema/modes",
        "evaluation/ema/good",
        "evaluation/ema/frechet",
        "loss/generator",
        "loss/discriminator",
    ),
    lower_is_better=("evaluation/ema/frechet", "evaluation/ema/frechet_pixels", "evaluation/ema/reverse_kl"),
    dynamics=("loss/generator", "loss/discriminator", "output/real", "output/fake"),
    portrait=("loss/generator", "loss/discriminator"),
    arms=("constant", "two-time-scales", "in-phase", "quadrature", "anti-phase", "closed-loop"),
    arranged="gan.arms:arrange",
    config="gan.config:GanConfig",
    trainer="gan.trainer:GanTrainer",
    commands="gan.commands:add_commands",
    draw="gan.figures:draw",
    drawn="gan.figures:FIGURES",
    moments="gan.sample_figures:draw_frames",
    measure="gan.bench:measure",
    bench_devices=("cpu", "cuda"),
    measure_diagnostics="gan.bench:measure_diagnostics",
    watch="gan.watch:findings",
    stacked="gan.stack",
    stability="gan.stability:stability",
    federated="gan.federated",
    shares=True,
)
"""The entry point ``gan`` of the group ``phaselab.trainers``."""

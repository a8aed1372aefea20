"""The GAN's figures, read from run directories: both players over steps, portrait, weights, samples, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from gan.sample_figures import draw_samples
from gan.weight_figures import draw_moves, draw_singular
from lab.reports import style
from lab.reports.panels import CYCLES, Line, Panel, stack, with_bands
from lab.reports.portrait import portrait
from lab.reports.runs import Arm, Draw, drawing, heading, names
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import fmt

UNIT = "generator update"


def _players(title: str, first: str, second: str, labels: tuple[str, str] = ("generator", "discriminator")) -> Panel:
    return Panel(
        title,
        [
            Line(first, labels[0], style.ROLES["generator"]),
            Line(second, labels[1], style.ROLES["discriminator"], dashed=True),
        ],
    )


DYNAMICS = (
    _players("Loss", "loss/generator", "loss/discriminator"),
    Panel(
        "Discriminator output (logit)",
        [
            Line("output/real", "real", style.ROLES["discriminator"], dashed=True),
            Line("output/fake", "generated", style.ROLES["generator"]),
        ],
        levels=(0.0,),
    ),
    _players("Gradient norm", "gradient/generator", "gradient/discriminator"),
    Panel(
        "Pairs of samples that the discriminator ranks right",
        [Line("accuracy/discriminator", "accuracy", style.ROLES["discriminator"])],
        levels=(0.5,),
        limits=(0.0, 1.02),
    ),
    Panel(
        "Penalties",
        [
            Line("penalty/r1", "R1", style.ROLES["discriminator"]),
            Line("penalty/r2", "R2", style.ROLES["generator"], dashed=True),
            Line("penalty/gp", "gradient penalty", style.INK),
        ],
    ),
    Panel(
        "Overfitting: held-out samples look 0 real, 1 generated",
        [Line("overfitting/r_v", "r_v", style.ROLES["discriminator"], sparse=True)],
        levels=(0.0,),
    ),
)

SCORES = (
    ("modes", "Modes covered"),
    ("good", "Share of good samples"),
    ("reverse_kl", "Reverse KL"),
    ("frechet", "Fréchet distance"),
    ("frechet_pixels", "Fréchet distance of 8×8 averages"),
    ("spread", "Variance of samples as a share of the real"),
    ("kernel", "Kernel distance"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("density", "Density"),
    ("coverage", "Coverage"),
    ("mode_entropy", "Entropy of the modes"),
    ("own_class", "Share of their own class"),
)
"""Evaluation columns and their words; a column that is not here is drawn under its own name."""


def _draw_dynamics(groups: Sequence[Arm], out: Path) -> list[Saved]:
    panels = [*shared_voice_panels(groups), *DYNAMICS]
    saved = style.save(
        stack(groups, panels, UNIT, heading(groups, "schedules and what they did")),
        out,
        "dynamics",
        "Schedules, losses, outputs and gradients",
        f"Stacked line charts of {names(groups)} over training steps: the learning rates with crests and troughs, "
        f"and below them losses, discriminator outputs and gradient norms of both players. {_ending(groups)}",
        with_bands(
            f"{CYCLES} Where a log is long, bold lines are centred means over its rows, which are drawn faintly behind "
            "them.",
            groups,
        ),
    )
    return [saved]


def _ending(groups: Sequence[Arm]) -> str:
    """The last logged losses in words, for the alternative text."""
    parts = []
    for arm in groups:
        losses = [arm.first.series(f"loss/{player}")[1] for player in ("generator", "discriminator")]
        if all(len(values) for values in losses):
            parts.append(
                f"{arm.label} ends with generator loss {fmt(losses[0][-1])}, discriminator loss {fmt(losses[1][-1])}"
            )
    return "; ".join(parts) + "." if parts else ""


def _draw_portrait(groups: Sequence[Arm], out: Path) -> list[Saved]:
    figure = portrait(
        groups,
        "loss/generator",
        "loss/discriminator",
        "generator loss",
        "discriminator loss",
        heading(groups, "phase portrait"),
    )
    if figure is None:
        return []
    saved = style.save(
        figure,
        out,
        "portrait",
        "Phase portrait",
        "Generator loss against discriminator loss, a path coloured by the phase of the master clock, for "
        f"{names(groups)}.",
        "The path of the two losses, coloured by the clock's phase. The thick loop, where there are cycles "
        "enough for one, is their mean without the first: a wide loop says that the cycle drives the game, a small one "
        "that the losses hardly follow it.",
    )  # fmt: skip
    return [saved]


def _draw_scores(groups: Sequence[Arm], out: Path) -> list[Saved]:
    columns = {column for arm in groups for run in arm.runs for column in run.metrics.names()}
    known = dict(SCORES)
    own = {name.removeprefix("evaluation/").removeprefix("ema/") for name in columns if name.startswith("evaluation/")}
    order = [key for key in known if key in own] + sorted(own - set(known))
    panels = [
        Panel(
            known.get(key, key),
            [
                Line(f"evaluation/ema/{key}", "EMA generator", style.ROLES["ema"], sparse=True),
                Line(f"evaluation/{key}", "generator", style.ROLES["generator"], dashed=True, sparse=True),
            ],
            limits=(0.0, 1.02) if key == "good" else (None, None),
        )
        for key in order
    ]
    if not panels:
        return []
    saved = style.save(
        stack(groups, panels, UNIT, heading(groups, "scores")),
        out,
        "scores",
        "Evaluation scores",
        "Line charts of the evaluation scores over training steps: "
        + "; ".join(f"{arm.label}: {words}" for arm in groups if (words := _last_scores(arm, order, known))) + ".",
        "Scores of the generator and of its moving average (EMA) at each evaluation. The generator's scores swing with "
        "its learning rate; compare runs by their mean over a whole cycle, not by their last point.",
    )  # fmt: skip
    return [saved]


def _last_scores(arm: Arm, order: Sequence[str], known: dict[str, str]) -> str:
    parts = []
    for key in order:
        for name in (f"evaluation/ema/{key}", f"evaluation/{key}"):
            values = arm.first.series(name)[1]
            if len(values):
                parts.append(f"{known.get(key, key).lower()} ends at {fmt(values[-1])}")
                break
    return ", ".join(parts)


FIGURES: Mapping[str, Draw] = {
    "dynamics": _draw_dynamics,
    "portrait": _draw_portrait,
    "weights": partial(draw_moves, unit=UNIT),
    "singular-values": partial(draw_singular, unit=UNIT),
    "samples": draw_samples,
    "scores": _draw_scores,
}
"""By the name that ``lab plot --only`` takes, in the order of reading."""

draw = drawing(FIGURES)
"""Draws them from run directories."""

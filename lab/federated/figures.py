"""The figures of federated runs: schedules and clients over rounds, scores, and who has which labels on which clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lab.federated.clocks import Clocks
from lab.reports import style
from lab.reports.panels import CYCLES, Line, Panel, stack, with_bands
from lab.reports.runs import Arm, Draw, RunData, drawing, heading, names
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import fmt

UNIT = "round"
SHOWN = 12
"""Clients whose clocks are drawn."""
LEARNING = (
    Panel("Clients' training loss", [Line("train/loss", "loss", style.INK)]),
    Panel(
        "Clients' losses",
        [
            Line("train/loss/generator", "generator", style.BLUE),
            Line("train/loss/discriminator", "discriminator", style.VERMILION),
        ],
    ),
    Panel("Norm of the averaged update", [Line("update/norm", "norm", style.INK)]),
    Panel(
        "Clients that did not count",
        [
            Line("clients/refused", "refused", style.VERMILION),
            Line("clients/dropped", "dropped out", style.BLUE, dashed=True),
        ],
        limits=(0.0, None),
    ),
)
SCORES = (
    Panel(
        "Accuracy",
        [
            Line("evaluation/accuracy", "all data", style.VERMILION, sparse=True),
            Line("evaluation/mean_client", "mean client", style.GREEN, sparse=True),
            Line("evaluation/worst_client", "worst client", style.BLUE, sparse=True),
        ],
        limits=(None, 1.0),
    ),
    Panel("Negative log-likelihood", [Line("evaluation/nll", "nll", style.INK, sparse=True)]),
    Panel("Modes", [Line("evaluation/modes", "modes", style.INK, sparse=True)]),
    Panel("Share of good samples", [Line("evaluation/good", "good", style.INK, sparse=True)]),
    Panel("Fréchet distance", [Line("evaluation/frechet", "distance", style.INK, sparse=True)]),
)


def _draw_dynamics(groups: Sequence[Arm], out: Path) -> list[Saved]:
    panels = [*shared_voice_panels(groups), *LEARNING]
    saved = style.save(
        stack(groups, panels, UNIT, heading(groups, "schedules and clients")),
        out,
        "dynamics",
        "Schedules and clients",
        f"Stacked line charts of {names(groups)} over rounds: the scheduled quantities on the server's clock, "
        "and below them what clients measured, the averaged update and how many clients did not count.",
        with_bands(CYCLES, groups),
    )
    return [saved]


def _draw_scores(groups: Sequence[Arm], out: Path) -> list[Saved]:
    panels = [panel for panel in SCORES if any(_has(arm, panel) for arm in groups)]
    if not panels:
        return []
    endings = "; ".join(_ending(arm) for arm in groups)
    saved = style.save(
        stack(groups, panels, UNIT, heading(groups, "scores")),
        out,
        "scores",
        "Evaluation scores",
        f"Line charts of the scores of the server's weights over rounds: {endings}.",
        "The mean and the worst client are those of each client's own distribution of labels.",
    )
    return [saved]


def _has(arm: Arm, panel: Panel) -> bool:
    return any(line.drawable(run) for line in panel.lines for run in arm.runs)


def _ending(arm: Arm) -> str:
    values = arm.first.series("evaluation/accuracy")[1]
    return f"{arm.label} ends with an accuracy of {fmt(values[-1])}" if len(values) else f"{arm.label} has no accuracy"


@style.applied()
def _draw_clocks(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """The first run of the first arm whose clients hear something that moves."""
    for arm in groups:
        found = _rates(arm.first)
        if found is not None:
            return [_save_clocks(arm, *found, out)]
    return []


def _rates(run: RunData) -> tuple[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]] | None:
    """The first learning rate that moves, of each shown client in each round, float64[clients, rounds]."""
    own = run.config.get("federated", {})
    clients = int(own.get("clients", 1))
    clocks = Clocks(run.config["clock"], run.config["voices"], own.get("offsets", 0.0), own.get("periods", ()), clients)
    rounds = np.arange(run.steps)
    for name in sorted(clocks.voices(0)):
        if name.startswith("lr"):
            rates = np.stack([clocks.voices(client)[name](rounds) for client in range(min(clients, SHOWN))])
            if np.ptp(rates):
                return name, rates
    return None


def _save_clocks(arm: Arm, name: str, rates: np.ndarray[tuple[int, int], np.dtype[np.float64]], out: Path) -> Saved:
    figure = Figure(figsize=(style.WIDTH, 1.4 + 0.22 * len(rates)))
    axes = figure.subplots()
    image = axes.imshow(rates, cmap=style.SEQUENTIAL, aspect="auto", interpolation="nearest", origin="lower")
    axes.set_xlabel(UNIT)
    axes.set_ylabel("client")
    axes.set_yticks(range(len(rates)))
    figure.colorbar(image, ax=axes, label=name)
    style.headline(figure, f"{arm.label}: each client's learning rate on its own clock")
    return style.save(
        figure,
        out,
        "clocks",
        "Clients' clocks",
        f"Heatmap of {name} over rounds, a row a client: from {fmt(rates.min())} to {fmt(rates.max())}.",
        "The server sends the round; each client adds its own offset.",
    )


FIGURES: Mapping[str, Draw] = {"dynamics": _draw_dynamics, "scores": _draw_scores, "clocks": _draw_clocks}
"""By the name that ``lab plot --only`` takes, in the order of reading."""

draw = drawing(FIGURES)
"""Draws them from run directories."""

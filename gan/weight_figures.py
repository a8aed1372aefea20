"""Figures of the weights as they train: how a step moves each player's, and the singular values of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan.spread import spread
from lab.reports import style
from lab.reports.panels import CYCLES, Line, Panel, stack, with_bands
from lab.reports.runs import Arm, heading, names
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import capital, fmt

PLAYERS = ("generator", "discriminator")
MOST_LAYERS = 4
"""Layers of a player in one panel; more could not be told apart."""
DEPTH = (style.INK, style.WINE, style.PURPLE, style.ORANGE)
"""Colours of layers from the first to the last, none of them a player's."""


def _both(title: str, quantity: str, **axis: Any) -> Panel:
    lines = [
        Line(f"{quantity}/{player}", player, style.ROLES[player], dashed=player == "discriminator")
        for player in PLAYERS
    ]  # fmt: skip
    return Panel(title, lines, **axis)


MOVES = (
    _both("Update over weights", "update_ratio", wide=True),
    _both("Cosine of successive updates", "update_cosine", levels=(0.0,), limits=(-1.05, 1.05)),
    _both("Distance from the start", "distance"),
)
SINGULAR = {"singular_value": "singular value", "stable_rank": "stable rank"}
"""Columns ``<key>/<player>/<layer>``, and their words; of all singular values it is the largest."""


def draw_moves(groups: Sequence[Arm], out: Path, unit: str) -> list[Saved]:
    """How a step moves both players' weights; nothing where no run has logged it."""
    if not any(line.drawable(run) for panel in MOVES for line in panel.lines for arm in groups for run in arm.runs):
        return []
    saved = style.save(
        stack(groups, [*shared_voice_panels(groups), *MOVES], unit, heading(groups, "how the weights move")),
        out,
        "weights",
        "How the weights move",
        f"Stacked line charts of {names(groups)} over training steps: the learning rates, and below them for both "
        "players the size of a step's update over that of the weights, the cosine between successive updates, and the "
        f"distance from the initial weights. {_sentences(_moved(arm) for arm in groups)}",
        with_bands(
            "Of the last step before each row, all weights of a player as one vector w: ‖Δw‖ / ‖w‖, of which a "
            "thousandth is usual; the cosine between Δw and that of the step before, near 1 where training goes "
            "straight on, near −1 where it goes to and fro, near 0 where noise rules; and ‖w − w₀‖. Weights that get "
            f"no further from the start while they move as before go round in circles. {CYCLES}",
            groups,
        ),
    )
    return [saved]


def draw_singular(groups: Sequence[Arm], out: Path, unit: str) -> list[Saved]:
    """The singular values of both players' layers; nothing where no run has logged them."""
    layers = {player: own for player in PLAYERS if (own := _layers(groups, player))}
    if not layers:
        return []
    panels = [_of_layers(groups, key, player, own) for player, own in layers.items() for key in SINGULAR]
    saved = style.save(
        stack(groups, panels, unit, heading(groups, "largest singular value and stable rank of layers")),
        out,
        "singular-values",
        "Singular values of the layers",
        f"Line charts of {names(groups)} over training steps: for each weight layer of both players its largest "
        f"singular value and its stable rank. {_sentences(_stretched(arm, layers) for arm in groups)}",
        with_bands(
            f"{_key(layers)} A convolution counts as the matrix [outputs, inputs·height·width], spectral normalisation "
            "as done. The stable rank, the sum of all squared singular values over the square of the largest, says in "
            "how many directions a layer works: 1 is a single one.",
            groups,
        ),
    )
    return [saved]


def _layers(groups: Sequence[Arm], player: str) -> dict[str, str]:
    """Some of a player's layers by name, evenly from the first to the last, each with its number, from 1."""
    prefix = f"singular_value/{player}/"
    columns = [name for arm in groups for run in arm.runs for name in run.metrics.names() if name.startswith(prefix)]
    found = list(dict.fromkeys(name.removeprefix(prefix) for name in columns))
    return {name: str(found.index(name) + 1) for name in spread(found, MOST_LAYERS)}


def _of_layers(groups: Sequence[Arm], key: str, player: str, layers: Mapping[str, str]) -> Panel:
    every = [
        Line(f"{key}/{player}/{name}", number, color, dashed=place % 2 == 1, sparse=True)
        for place, ((name, number), color) in enumerate(zip(layers.items(), DEPTH, strict=False))
    ]
    lines = [line for line in every if any(line.drawable(run) for arm in groups for run in arm.runs)]
    title = f"{capital(player)}: {SINGULAR[key]}"
    if len(groups) > 1:  # each line has a panel to itself
        lines = [replace(line, label=f"layer {line.label}") for line in lines]
    if len(lines) == 1:
        title += f", layer {lines[0].label.removeprefix('layer ')}"
    return Panel(title, lines, wide=True)


def _key(layers: Mapping[str, Mapping[str, str]]) -> str:
    """Which layer each number of the legends is."""
    players = [
        f"the {player}'s {', '.join(own.values())} are {', '.join(own)} in its network"
        for player, own in layers.items()
    ]
    return f"Layers are numbered in the order of their network: {'; '.join(players)}."


def _moved(arm: Arm) -> str:
    """How far both players have come, in words."""
    ends = {player: arm.first.series(f"distance/{player}")[1] for player in PLAYERS}
    words = [f"the {player} {fmt(values[-1])}" for player, values in ends.items() if len(values)]
    return f"in {arm.label} {' and '.join(words)} from the start at the end" if words else ""


def _stretched(arm: Arm, layers: Mapping[str, Mapping[str, str]]) -> str:
    """The layer whose largest singular value ends highest, in words."""
    ends = {}
    for player, own in layers.items():
        for name, number in own.items():
            values = arm.first.series(f"singular_value/{player}/{name}")[1]
            if len(values):
                ends[f"layer {number} of the {player}"] = values[-1]
    if not ends:
        return ""
    highest = max(ends, key=lambda name: float(ends[name]))
    return f"in {arm.label} the largest at the end is {fmt(ends[highest])}, of {highest}"


def _sentences(parts: Any) -> str:
    found = [part for part in parts if part]
    return f"{capital('; '.join(found))}." if found else ""

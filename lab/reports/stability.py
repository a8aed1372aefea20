"""The stability map as a picture: growth per step by period, offset and modulation, with its resonance tongues."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.diagnostics.floquet import NEUTRAL, PLAIN, Method
from lab.diagnostics.games import Floats, Game, apart
from lab.diagnostics.stability import (
    SHORTEST,
    StabilityMap,
    growth_at_constant,
    longest_of_interest,
    most_growth,
    natural_period,
    stability_map,
)
from lab.errors import UserError
from lab.reports import style

PERIODS, OFFSETS, MODULATIONS = 320, 65, 49
FEWEST_PERIODS = 80
"""Of a game of several pairs, which takes as many times longer."""
OFFSET_TICKS = ([0, 0.25, 0.5, 0.75, 1], ["0 in phase", "¼ G ahead", "½ anti-phase", "¾ G behind", "1 in phase"])
TURNS = ("½", "1", "1½", "2")
"""Rotations a cycle at the first tongues."""
_OUTLINE = [patheffects.Stroke(linewidth=2.6, foreground=style.INK), patheffects.Normal()]


@dataclass(frozen=True)
class Setting:
    """The cycle that a figure is about: marked in both panels.

    Attributes:
        lr: mean rate of both players.
        modulation: of both, above 0.
        period: steps.
        offset: of the generator, in cycles.
    """

    lr: float
    modulation: float
    period: int
    offset: float


def save(game: Game, setting: Setting, method: Method, out: Path, title: str) -> Path:
    """Write the picture of a game's map.

    Raises:
        UserError: ``out`` is no PNG, or cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise UserError(f"--map: {str(out)!r} is not accepted; expected a file name that ends in .png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with style.applied():
            stability_figure(game, setting, method, title).savefig(out, dpi=style.DPI, metadata={"Software": None})
    except OSError as error:
        raise UserError(f"--map: {str(out)!r} cannot be written: {error.strerror}") from None
    return out


@style.applied()
def stability_figure(game: Game, setting: Setting, method: Method = PLAIN, heading: str = "") -> Figure:
    """Growth per step over period × offset at the setting's modulation, and over period × modulation at its offset.

    Dashed lines are the periods at which the game turns ½, 1, 1½ and 2 times a cycle; tongues lie there.
    """
    longest = longest_of_interest(game, setting.lr, method)
    if setting.period <= 0.7 * longest:  # what is of interest is mostly there
        longest = round(0.75 * longest)
    count = max(FEWEST_PERIODS, PERIODS // len(apart(game)))
    periods = np.unique(np.linspace(SHORTEST, longest, count).round().astype(np.int64))
    offsets, modulations = np.linspace(0.0, 1.0, OFFSETS), np.linspace(0.0, max(1.0, setting.modulation), MODULATIONS)
    maps = (
        stability_map(game, setting.lr, [setting.modulation], periods, offsets, method),
        stability_map(game, setting.lr, modulations, periods, [setting.offset], method),
    )
    constant, turn = growth_at_constant(game, setting.lr, method), natural_period(game, setting.lr, method)
    # Of a game that only rotates every rounding is a border; the one that matters is where a cycle is no longer safe.
    border = most_growth(constant, turn) if abs(constant) <= NEUTRAL else 0.0
    norm = _norm(maps, neutral=abs(constant) <= NEUTRAL)
    figure = Figure(figsize=(style.WIDTH, 7.4))
    grid: Any = figure.subplots(2, 1, sharex=True)
    _draw(grid[0], maps[0].periods.astype(np.float64), offsets, maps[0].growth[0], maps[0].halves[0], norm, border)
    _draw(
        grid[1],
        maps[1].periods.astype(np.float64),
        modulations,
        maps[1].growth[:, :, 0].T,
        maps[1].halves[:, 0],
        norm,
        border,
    )
    grid[0].set(ylabel="offset of the generator", title=f"modulation {setting.modulation:g}\n")
    grid[0].set_yticks(*OFFSET_TICKS)
    grid[1].set(ylabel="modulation", xlabel="period in steps", title=f"offset {setting.offset:g}\n")
    for axes, height in zip(grid, (setting.offset % 1.0, setting.modulation), strict=True):
        axes.plot([setting.period], [height], "o", color=style.VERMILION, markersize=10, markeredgecolor="white",
                  markeredgewidth=1.6, zorder=6)  # fmt: skip
        axes.set_xlim(periods[0], periods[-1])
    figure.colorbar(ScalarMappable(norm, style.SEQUENTIAL), ax=list(grid), pad=0.02, aspect=36).set_label(
        "growth per step, %"
    )
    inside = any(each.growth.min() < border < each.growth.max() for each in maps)
    within = "grows by more than 1 % a rotation inside" if border else "unstable inside"
    turns = bool(np.isfinite(maps[0].halves).any())
    handles = _legend(within if inside else "", setting.period <= periods[-1], turns)
    figure.legend(handles=handles, loc="outside lower left")
    style.headline(figure, heading)
    return figure


def _norm(maps: tuple[StabilityMap, StabilityMap], neutral: bool) -> Normalize:
    values = 100.0 * np.concatenate([each.growth.ravel() for each in maps])
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return Normalize(low - 0.5, high + 0.5)
    # Of a game that only rotates even weak tongues matter: the square root shows them.
    return PowerNorm(0.5, 0.0, high) if neutral and high > 0 else Normalize(low, high)


def _draw(
    axes: Axes, periods: Floats, heights: Floats, growth: Floats, halves: Floats, norm: Normalize, border: float
) -> None:
    """One panel: ``growth`` is [periods, heights], ``halves`` [heights]."""
    axes.pcolormesh(
        periods, heights, 100.0 * growth.T, cmap=style.SEQUENTIAL, norm=norm, shading="gouraud", rasterized=True
    )
    if growth.min() < border < growth.max():
        axes.contour(periods, heights, growth.T, levels=[border], colors="white", linewidths=0.9)
    named = 0.0
    for k, name in enumerate(TURNS, start=1):
        line = k * halves
        inside = line <= periods[-1]
        if not inside.any():
            continue
        (drawn,) = axes.plot(line[inside], heights[inside], color="white", linestyle=(0, (4, 2)), linewidth=1.3)
        drawn.set_path_effects(_OUTLINE)
        if inside[-1]:
            axes.annotate(name, (line[-1], heights[-1]), (0, 4), textcoords="offset points", ha="center", fontsize=10)
            named = line[-1]
    if named:
        axes.annotate("rotations a cycle", (named, heights[-1]), (14, 4), textcoords="offset points", fontsize=10)


def _legend(within: str, shown: bool, turns: bool) -> list[Line2D]:
    handles = []
    if within:
        handles.append(Line2D([], [], color="#999999", linewidth=1.4, label=within))
    if turns:
        label = "½, 1, 1½, 2 rotations a cycle, in phase ½T₀, T₀, …: resonance"
        handles.append(Line2D([], [], color=style.INK, linestyle=(0, (4, 2)), linewidth=1.5, label=label))
    if shown:
        handles.append(
            Line2D([], [], color=style.VERMILION, marker="o", linestyle="", markersize=9, label="the cycle asked about")
        )
    return handles

"""The figure of a measured game: eigenvalues and Floquet multipliers in the complex plane, with the unit circle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lab.reports import style
from lab.reports.measured import Measured, read_measured
from lab.reports.panels import looks
from lab.reports.runs import Arm, heading, names
from lab.reports.style import Look, Saved
from lab.reports.words import fmt

Complexes = NDArray[np.complex128]
WIDEST = 3.0
"""Where multipliers lie further out, the circle would be a dot: what lies beyond is an arrow."""
_CIRCLE = np.exp(2j * np.pi * np.linspace(0, 1, 721))


def draw_floquet(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """Draw what `lab stability RUN --keep` left beside the first run of each arm; nothing where nothing is kept."""
    kept = [(arm, look, found) for arm, look in zip(groups, looks(groups), strict=True) if (found := _found(arm))]
    if not kept:
        return []
    figure = floquet_figure([(arm.label, look, found) for arm, look, found in kept], heading(groups, "its game"))
    return [
        style.save(
            figure,
            out,
            "floquet",
            "Eigenvalues and multipliers",
            f"Points in the complex plane with the unit circle for {names(groups)}. {_largest(kept)}",
            "A deviation along an eigenvector is multiplied by its number: outside the circle it grows, inside it dies "
            "away, off the horizontal axis it turns. Left, one step at the mean rates (1 − λ, without the optimiser's "
            "memory); right, one whole cycle, predicted of what turns, or measured. What lies further out than "
            f"{WIDEST:g} is drawn as an arrow there.",
        )
    ]


def _found(arm: Arm) -> Measured | None:
    found = read_measured(arm.first.path)
    return found if found and (found.moves or _cycles(found)) else None


def _cycles(found: Measured) -> dict[str, Complexes]:
    """The multipliers of a cycle: predicted, and measured."""
    both = {"predicted": _complex(found.multipliers)}
    if found.measured is not None:
        both["measured"] = _complex(found.measured.multipliers)
    return {word: values for word, values in both.items() if len(values)}


def _complex(pairs: Sequence[tuple[float, float]]) -> Complexes:
    return np.array([complex(*pair) for pair in pairs], np.complex128)


def _largest(kept: Sequence[tuple[Arm, Look, Measured]]) -> str:
    """The largest multiplier of each run's step and cycle, in words."""
    words = []
    for arm, _, found in kept:
        sets = {
            "a step": 1 - _complex(found.moves),
            **{f"a cycle, {k}": values for k, values in _cycles(found).items()},
        }
        sizes = [f"{fmt(float(np.abs(values).max()))} of {name}" for name, values in sets.items() if len(values)]
        words.append(f"{arm.label}: the largest is {', '.join(sizes)}.")
    return " ".join(words)


@style.applied()
def floquet_figure(kept: Sequence[tuple[str, Look, Measured]], title: str) -> Figure:
    """One step on the left, one cycle on the right, each with the unit circle.

    Args:
        kept: label, look and record of each run; of one alone, what lies outside the circle has a colour of its own.
        title: written above it.
    """
    figure = Figure(figsize=(style.WIDTH, 4.3))
    step, cycle = figure.subplots(1, 2)
    words: dict[str, str] = {}
    for _, look, found in kept:
        _points(step, 1 - _complex(found.moves), look.color, "o")
        for word, values in _cycles(found).items():
            words[word] = "x" if word == "predicted" else "s"
            _points(cycle, values, look.color, words[word])
    _plane(step, "One step")
    _plane(cycle, "One cycle")
    cycle.set_ylabel("")
    signs = [_sign(style.INK, marker, word) for word, marker in words.items()]
    if len(kept) == 1:
        signs += [_sign(style.BLUE, "o", "dies away"), _sign(style.VERMILION, "o", "grows")]
    figure.legend(handles=signs, loc="outside lower center", ncols=len(signs), columnspacing=1.4)
    several = [_sign(look.color, "o", label) for label, look, _ in kept] if len(kept) > 1 else []
    style.headline(figure, title, several)
    return figure


def _sign(color: str, marker: str, label: str) -> Line2D:
    face = "none" if marker == "s" else color
    return Line2D([], [], linestyle="none", marker=marker, color=color, markerfacecolor=face, markersize=7, label=label)


def _points(axes: Axes, values: Complexes, color: str, marker: str) -> None:
    size = np.abs(values)
    far = size > WIDEST
    for inside, own in ((size <= 1, style.BLUE), (size > 1, style.VERMILION)):
        here = values[inside & ~far]
        axes.plot(
            here.real, here.imag, marker, color=color or own, markersize=7, alpha=0.85, zorder=4,
            markerfacecolor="none" if marker == "s" else color or own, markeredgewidth=1.6,
        )  # fmt: skip
    for way in values[far] / size[far]:
        head, tail = (WIDEST * way.real, WIDEST * way.imag), (0.8 * WIDEST * way.real, 0.8 * WIDEST * way.imag)
        arrow = {"arrowstyle": "-|>", "color": color or style.VERMILION, "linewidth": 1.8, "mutation_scale": 14}
        axes.annotate("", head, tail, arrowprops=arrow, zorder=4)
        axes.plot(*head, alpha=0.0)  # for the axes' limits


def _plane(axes: Axes, title: str) -> None:
    reach = max([1.15, *(1.1 * float(np.abs(line.get_xydata()).max(initial=0.0)) for line in axes.lines)])
    axes.plot(_CIRCLE.real, _CIRCLE.imag, color="#555555", linewidth=1.3, zorder=2)
    for line in (axes.axhline, axes.axvline):
        line(0, color="#BBBBBB", linewidth=0.8, zorder=1)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title, xlabel="real", ylabel="imaginary")

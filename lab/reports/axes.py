"""The axes that figures share: steps that fit a narrow screen, powers of ten and legends beside a panel's title."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.reports.series import fmt

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def steps_axis(axes: Axes, steps: int, unit: str = "") -> None:
    """Label the shared axis: thousands as 5k, millions as 2M, so that ticks stay apart on a narrow screen.

    Args:
        axes: the lowest panel.
        steps: the axis ends there.
        unit: what one step is, where that is known ("generator update").
    """
    axes.set_xlim(0, steps)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 4, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: step_text(value)))
    axes.set_xlabel(f"step ({unit}s)" if unit else "step")


def step_text(step: float) -> str:
    """A step for an axis: 500, 2k, 12.5k, 3M."""
    for power, letter in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= power:
            return f"{fmt(step / power)}{letter}"
    return fmt(step)


def values_axis(axes: Axes) -> None:
    """A few round numbers up the side of a panel."""
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3))


def scale(axes: Axes) -> str:
    """Label a vertical axis of very small or large values by their digits alone; the power of ten, to stand in a title.

    Call it when the axis has its limits. Matplotlib's own place for the power of ten pushes a panel's title away.
    """
    largest = float(np.abs(axes.get_ylim()).max())
    if not np.isfinite(largest) or 1e-2 <= largest < 1e5 or largest == 0:
        return ""
    power = int(np.floor(np.log10(largest)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10.0**power:g}"))
    return f"× 10{str(power).translate(SUPERSCRIPT)}"


def legend_beside_title(axes: Axes, entries: int) -> None:
    """The panel's legend, above its right end, where it hides no data."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=entries, borderaxespad=0.1, borderpad=0.1,
        columnspacing=1.2, handlelength=2.0,
    )  # fmt: skip

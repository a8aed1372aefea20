"""Path angle and path norm along a line, as a picture: two panels, one below the other."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np
from matplotlib.figure import Figure

from lab.diagnostics.path import Path
from lab.reports import style
from lab.reports.axes import log_axis


def save(seen: Path, out: FilePath, title: str) -> None:
    """Write the picture of a path.

    Raises:
        OSError: ``out`` cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with style.applied():
        path_figure(seen, title).savefig(out, dpi=style.DPI, metadata={"Software": None})


@style.applied()
def path_figure(seen: Path, title: str) -> Figure:
    """The angle above, which is 0 where the field is square to the line; the norm below, on a logarithmic axis."""
    figure = Figure(figsize=(style.WIDTH, 5.6))
    angle, norm = figure.subplots(2, 1, sharex=True)
    angle.axhline(0.0, color="#999999", linewidth=1.0)
    angle.plot(seen.alphas, seen.angle, color=style.INK)
    reach = min(1.05, max(0.05, 1.2 * float(np.nanmax(np.abs(seen.angle), initial=0.0))))
    angle.set(ylabel="path angle (cosine)", ylim=(-reach, reach))
    norm.plot(seen.alphas, seen.norm, color=style.INK)
    norm.set(ylabel="path norm", xlabel="place on the line: 0 the start, 1 the end")
    if (seen.norm > 0).any():
        log_axis(norm)
    for axes in (angle, norm):
        axes.axvline(1.0, color=style.VERMILION, linewidth=1.2, linestyle=(0, (4, 2)))
    angle.annotate("the end", (1.0, reach), (5, -2), textcoords="offset points", va="top", color=style.VERMILION)
    style.headline(figure, title)
    return figure

"""The picture of a schedule file, before anything is trained: all voices that the clock moves, the others in words."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lab.errors import UserError
from lab.phase import Constant, Follower
from lab.phase.drawing import describe
from lab.phase.parsing import ScheduleFile
from lab.reports import style
from lab.reports.axes import cycle_key, draw_voice, shade_cycles, steps_axis
from lab.reports.panels import finish_panel
from lab.reports.voice_panels import voice_panels


def save(file: ScheduleFile, out: Path, title: str) -> Path:
    """Write the picture of a schedule file.

    Raises:
        UserError: ``out`` is no PNG, or cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: {str(out)!r} is not accepted; expected a file name that ends in .png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with style.applied():
            schedule_figure(file, title).savefig(out, dpi=style.DPI, metadata={"Software": None})
    except OSError as error:
        raise UserError(f"--out: {str(out)!r} cannot be written: {error.strerror}") from None
    return out


@style.applied()
def schedule_figure(file: ScheduleFile, title: str) -> Figure:
    """A panel for each family of voices (``lr.generator``, ``lr.discriminator``) over one axis of steps."""
    played = {name: voice for name, voice in file.voices.items() if not isinstance(voice, Follower)}
    panels = [
        panel
        for panel in voice_panels(played)
        if any(not isinstance(played[line.source], Constant) for line in panel.lines)
    ]
    figure = Figure(figsize=(style.WIDTH, 1.3 + 1.5 * max(len(panels), 1)))
    grid = figure.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]
    marked = shaded = False
    for axes, panel in zip(grid, panels, strict=False):
        shaded = shade_cycles(axes, file.clock, file.steps)
        for line in panel.lines:
            dash = (0, (5, 1.8)) if line.dashed else "-"
            marked |= draw_voice(axes, played[line.source], file.steps, line.color, dash, line.label)
        finish_panel(axes, panel, legend=True)
    steps_axis(grid[-1], file.steps)
    style.headline(figure, title)
    if not panels:
        grid[0].set(title="No voice follows the clock", yticks=[])
    # What is told in words stands above the signs, in one legend: two texts below a figure would overlap.
    words = [
        f"{name}: {describe(voice)}" for name, voice in file.voices.items() if isinstance(voice, Constant | Follower)
    ]
    keys = cycle_key(marked, shaded)
    if keys or words:
        figure.legend(
            handles=keys, loc="outside lower left", ncols=len(keys) or 1, columnspacing=1.4, handlelength=1.4,
            title="\n".join(words), title_fontsize=9.5, alignment="left",
        )  # fmt: skip
    return figure

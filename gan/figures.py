"""The GAN's figures, read from run directories: both players over steps, portrait, weights, samples, scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gan.weight_figures import draw_moves, draw_singular
from lab.door.arrays import read_npz
from lab.reports import style
from lab.reports.axes import step_text
from lab.reports.panels import CYCLES, Line, Panel, stack, with_bands
from lab.reports.portrait import portrait
from lab.reports.runs import Arm, RunData, arms, heading, names, read_run
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import fmt

UNIT = "generator update"
_MOMENTS = 5
SHAPES = ((), (1,), (3,))
"""What may come after number, height and width of pictures: nothing, or their channels."""
_TILES = 6
_MOST_POINTS = 2000


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
    ("kernel", "Kernel distance"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("density", "Density"),
    ("coverage", "Coverage"),
    ("mode_entropy", "Entropy of the modes"),
    ("own_class", "Share of their own class"),
)
"""Evaluation columns and their words; a column that is not here is drawn under its own name."""


def draw(runs: Sequence[Path], out: Path) -> list[Saved]:
    """Draw all figures that these runs have data for into ``out``; runs that differ only in their seed are averaged.

    Raises:
        UserError: a path is no run directory, or its log is empty.
    """
    groups = arms([read_run(path) for path in runs])
    found = [
        _draw_dynamics(groups, out),
        _draw_portrait(groups, out),
        draw_moves(groups, out, UNIT),
        draw_singular(groups, out, UNIT),
        *(_draw_samples(arm.first, out, len(groups) > 1) for arm in groups),
        _draw_scores(groups, out),
    ]
    return [saved for saved in found if saved is not None]


def _draw_dynamics(groups: Sequence[Arm], out: Path) -> Saved:
    panels = [*shared_voice_panels(groups), *DYNAMICS]
    return style.save(
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


def _draw_portrait(groups: Sequence[Arm], out: Path) -> Saved | None:
    figure = portrait(
        groups,
        "loss/generator",
        "loss/discriminator",
        "generator loss",
        "discriminator loss",
        heading(groups, "phase portrait"),
    )
    if figure is None:
        return None
    return style.save(
        figure,
        out,
        "phase-portrait",
        "Phase portrait",
        "Generator loss against discriminator loss, a path coloured by the phase of the master clock, for "
        f"{names(groups)}.",
        "The path of the two losses, coloured by the clock's phase. The thick loop, where there are cycles "
        "enough for one, is their mean without the first: a wide loop says that the cycle drives the game, a small one "
        "that the losses hardly follow it.",
    )  # fmt: skip


def _draw_scores(groups: Sequence[Arm], out: Path) -> Saved | None:
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
        return None
    return style.save(
        stack(groups, panels, UNIT, heading(groups, "scores")),
        out,
        "scores",
        "Evaluation scores",
        "Line charts of the evaluation scores over training steps: "
        + "; ".join(f"{arm.label}: {words}" for arm in groups if (words := _last_scores(arm, order, known))) + ".",
        "Scores of the generator and of its moving average (EMA) at each evaluation. The generator's scores swing with "
        "its learning rate; compare runs by their mean over a whole cycle, not by their last point.",
    )  # fmt: skip


def _last_scores(arm: Arm, order: Sequence[str], known: dict[str, str]) -> str:
    parts = []
    for key in order:
        for name in (f"evaluation/ema/{key}", f"evaluation/{key}"):
            values = arm.first.series(name)[1]
            if len(values):
                parts.append(f"{known.get(key, key).lower()} ends at {fmt(values[-1])}")
                break
    return ", ".join(parts)


def _draw_samples(run: RunData, out: Path, named: bool) -> Saved | None:
    moments = _moments(run)
    if not any({"samples", "ema"} & _snapshot(path).keys() for _, path in moments):
        return None
    figure = samples_figure(run, moments)
    steps = ", ".join(str(step) for step, _ in moments)
    return style.save(
        figure,
        out,
        f"samples-{run.name}" if named else "samples",
        f"Samples over time{f': {run.name}' if named else ''}",
        f"What the generator of {run.name} draws at steps {steps}: above the generator itself, below its EMA.",
        "The same latent points at each step. Crosses mark the true modes."
        if _centers(run) is not None
        else "The same latent points at each step.",
    )


def _moments(run: RunData) -> list[tuple[int, Path]]:
    """Snapshots spread over the run: the first, the last, and what lies evenly between."""
    found = sorted((int(path.stem.split("-")[-1]), path) for path in (run.path / "snapshots").glob("samples-*.npz"))
    if len(found) <= _MOMENTS:
        return found
    return [found[round(index)] for index in np.linspace(0, len(found) - 1, _MOMENTS)]


@style.applied()
def samples_figure(run: RunData, moments: Sequence[tuple[int, Path]]) -> Figure:
    """Rows: the generator, its EMA; columns: moments of training; each a scatter plot or a grid of images."""
    arrays = [(step, _snapshot(path)) for step, path in moments]
    rows = [
        (key, words) for key, words in (("samples", "generator"), ("ema", "EMA")) if any(key in a for _, a in arrays)
    ]
    side = (style.WIDTH - 0.5) / max(len(arrays), 3)
    figure = Figure(figsize=(style.WIDTH, 0.8 + side * len(rows)))
    grid = figure.subplots(len(rows), len(arrays), squeeze=False)
    limit = _plane_limit(run, arrays)
    for row, (key, words) in zip(grid, rows, strict=True):
        for axes, (step, contents) in zip(row, arrays, strict=True):
            style.bare(axes)
            if key in contents:
                _draw_sample(axes, run, contents[key], limit, style.ROLES["ema" if key == "ema" else "generator"])
            if key == rows[0][0]:
                axes.set_title(step_text(step), loc="center")
        row[0].set_ylabel(words)
    style.headline(figure, f"{run.name}: samples at step …")
    return figure


def _draw_sample(axes: Axes, run: RunData, sample: NDArray[np.generic], limit: float, color: str) -> None:
    if sample.ndim == 2 and sample.shape[1] == 2:
        points = np.asarray(sample, dtype=np.float64)[:_MOST_POINTS]
        centers = _centers(run)
        if centers is not None:
            axes.plot(*centers.T, "+", color=style.INK, markersize=9, markeredgewidth=1.1, alpha=0.75, zorder=1)
        axes.scatter(points[:, 0], points[:, 1], s=5, color=color, alpha=0.45, linewidths=0, zorder=2)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    else:
        axes.imshow(tile(np.asarray(sample)), cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _plane_limit(run: RunData, arrays: Sequence[tuple[int, dict[str, NDArray[np.generic]]]]) -> float:
    """Half the side of the square that all scatter plots show: the data's own extent where it is known."""
    centers = _centers(run)
    if centers is not None:
        return float(np.abs(centers).max()) * 1.45
    newest: dict[str, NDArray[np.generic]] = next((contents for _, contents in reversed(arrays) if contents), {})
    last = np.concatenate([np.empty(0), *(np.asarray(a, dtype=np.float64).ravel() for a in newest.values())])
    last = last[np.isfinite(last)]
    return float(np.quantile(np.abs(last), 0.99)) * 1.3 if len(last) else 1.0


def _snapshot(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a snapshot that are points or pictures; others are no samples."""
    found = {name: array for name, array in read_npz(path).items() if array.ndim in (2, 3, 4) and array.size}
    return {name: a for name, a in found.items() if (a.ndim != 2 or a.shape[1] == 2) and a.shape[3:] in SHAPES}


def _centers(run: RunData) -> NDArray[np.float64] | None:
    """The true modes of a plane data set, float64[modes, 2], as the trainer keeps them with its samples."""
    found = sorted((run.path / "snapshots").glob("samples-*.npz"))
    contents = _snapshot(found[-1]) if found else {}
    return np.asarray(contents["landmarks"], dtype=np.float64) if "landmarks" in contents else None


def tile(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Images uint8[n, H, W] or [n, H, W, C] as one square picture, left to right, a grey pixel between neighbours."""
    count = min(_TILES, int(np.sqrt(len(images))) or 1)
    images = images[: count * count]
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    padding = [(0, 0), (0, 1), (0, 1)] + [(0, 0)] * (images.ndim - 3)
    padded = np.pad(images, padding, constant_values=128)
    rows = padded.reshape(count, count, *padded.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)[:-1, :-1]

"""What a GAN's generator draws as it trains, read from the run's snapshots: a figure of a few, and frames of many."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from lab.door.arrays import read_npz
from lab.reports import style
from lab.reports.axes import step_text
from lab.reports.blocks import Frame
from lab.reports.runs import Arm, RunData, read_run
from lab.reports.style import Saved

_MOMENTS = 5
SHAPES = ((), (1,), (3,))
"""What may come after number, height and width of pictures: nothing, or their channels."""
PLAYERS = (("samples", "generator"), ("ema", "EMA"))
"""Arrays of a snapshot, and their words."""
_TILES = 6
_MOST_POINTS = 2000
FRAMES, DPI, COLOURS = 24, 110, 64
"""Of a run in a page: how many, and how fine, so that they take a quarter of a megabyte or so."""


def draw_samples(groups: Sequence[Arm], out: Path) -> list[Saved]:
    """What each arm's generator draws over its training, of the first run of each."""
    found = [_draw_of(arm.first, out, len(groups) > 1) for arm in groups]
    return [saved for saved in found if saved is not None]


def _draw_of(run: RunData, out: Path, named: bool) -> Saved | None:
    moments = _spread(run, _MOMENTS)
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


def _spread(run: RunData, most: int) -> list[tuple[int, Path]]:
    """Snapshots spread over the run: the first, the last, and what lies evenly between."""
    found = sorted((int(path.stem.split("-")[-1]), path) for path in (run.path / "snapshots").glob("samples-*.npz"))
    if len(found) <= most:
        return found
    return [found[round(index)] for index in np.linspace(0, len(found) - 1, most)]


@style.applied()
def samples_figure(run: RunData, moments: Sequence[tuple[int, Path]]) -> Figure:
    """Rows: the generator, its EMA; columns: moments of training; each a scatter plot or a grid of images."""
    arrays = [(step, _snapshot(path)) for step, path in moments]
    rows = [(key, words) for key, words in PLAYERS if any(key in found for _, found in arrays)]
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


def draw_frames(path: Path, out: Path) -> list[Frame]:
    """The run's samples at many moments, a small picture each in ``out``; none where it kept no snapshots."""
    run = read_run(path)
    found = [(step, contents) for step, file in _spread(run, FRAMES) if (contents := _snapshot(file))]
    keys = [(key, words) for key, words in PLAYERS if any(key in contents for _, contents in found)]
    if not keys:
        return []
    out.mkdir(parents=True, exist_ok=True)
    limit = _plane_limit(run, found)
    frames = []
    for step, contents in found:
        file = out / f"samples-{step:09d}.png"
        _save_small(_frame(run, contents, keys, limit), file)
        drawn = " and ".join(f"its {words}" if key == "ema" else f"the {words}" for key, words in keys)
        frames.append(Frame(step, file, f"Samples of {run.name} at step {step:,}: {drawn}."))
    return frames


@style.applied()
def _frame(
    run: RunData, contents: dict[str, NDArray[np.generic]], keys: Sequence[tuple[str, str]], limit: float
) -> Figure:
    figure = Figure(figsize=(2.6 * len(keys), 2.75))
    for axes, (key, words) in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        style.bare(axes)
        axes.set_title(words, loc="center")
        if key in contents:
            _draw_sample(axes, run, contents[key], limit, style.ROLES["ema" if key == "ema" else "generator"])
    return figure


def _save_small(figure: Figure, file: Path) -> None:
    """As a PNG of few colours."""
    kept = io.BytesIO()
    with style.applied():
        figure.savefig(kept, dpi=DPI, format="rgba")
    width, height = (int(inches * DPI) for inches in figure.get_size_inches())
    picture = Image.frombytes("RGBA", (width, height), kept.getvalue()).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)

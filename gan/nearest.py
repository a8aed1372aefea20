"""`lab gan nearest`: the training images nearest to what a generator draws, shown, and a test of whether it copies."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from lab.errors import UserError

if TYPE_CHECKING:
    from gan.config import GanConfig
    from gan.metrics.memorisation import Copying
    from lab.reports.style import Saved

Pictures = npt.NDArray[Any]
COPIED = 0.05
"""Samples are said to lie nearer than they should below this p-value."""


@dataclass(frozen=True)
class Neighbours:
    """Samples, some of them with the training images nearest to it.

    Attributes:
        samples: bytes, uint8[n, h, w] or [n, h, w, 3].
        images: the nearest of each, nearest first, uint8[n, k, h, w] or [n, k, h, w, 3].
        distances: root mean squared difference of two images' pixels, of 255, float64[n, k].
        test: whether samples lie nearer than images that were held out; None where none were.
    """

    samples: Pictures
    images: Pictures
    distances: npt.NDArray[np.float64]
    test: Copying | None

    def sentence(self) -> str:
        """What is seen, with the number behind it."""
        near = f"nearest training image at {np.median(self.distances[:, 0]):.1f} of 255 (median)"
        if self.test is None:
            return f"{near}; no image was held out to compare with"
        sign = "copies, or blurred, which is near to all" if self.test.p_value < COPIED else "no sign of copying"
        share = f"samples lie nearer than held-out images in {self.test.share:.0%} of pairs"
        return f"{near}; {share}, p = {self.test.p_value:.2g}: {sign}"


def find(config: GanConfig, samples: Pictures, data_dir: Path, k: int, shown: int) -> Neighbours:
    """Compare samples uint8[n, h, w(, 3)] with all images that a run learned from, pixel by pixel.

    Args:
        k, shown: how many neighbours are kept, of how many samples; the test is of all samples.

    Raises:
        UserError: the data are no images, have no end, come in tasks, or are fewer images than ``k``.
    """
    import torch

    from gan.data.source import StoredSource, to_bytes
    from gan.metrics.memorisation import copying, nearest
    from gan.sampling import pictures
    from lab.training.loop import warn

    dataset = config.data.open(data_dir, warn)
    random = torch.Generator()
    source = dataset.source(torch.device("cpu"), random, random)
    if len(config.data.shape) != 3 or not hasattr(source, "stored"):
        raise UserError(f"data: {config.data.name!r} is no set of images that could be copied one by one")
    if config.tasks:
        raise UserError(
            "tasks: which images a run in tasks has learned from is not known; data without tasks are accepted"
        )
    training = pictures(cast(StoredSource, source).stored()[0])
    if k > len(training):
        raise UserError(f"--k: {k} is not accepted; {len(training):,} images were trained on")
    found = nearest(samples[:shown], training, k)
    held_out = pictures(to_bytes(dataset.parts(len(samples))[1][0])) if dataset.parts else None
    test = None if held_out is None else copying(samples, training, held_out)
    return Neighbours(samples[:shown], training[found.indices], found.distances / np.sqrt(samples[0].size), test)


def draw(found: Neighbours, out: Path) -> Saved:
    """A row a sample: itself, and its neighbours with their distances."""
    from matplotlib.figure import Figure

    from lab.reports import style

    rows, columns = found.images.shape[0], found.images.shape[1] + 1
    with style.applied():
        side = style.WIDTH / max(columns, 5)
        figure = Figure(figsize=(side * columns, (side + 0.25) * rows + 0.4))
        grid = figure.subplots(rows, columns, squeeze=False)
        for place, row in enumerate(grid):
            for column, axes in enumerate(row):
                style.bare(axes)
                image = found.images[place, column - 1] if column else found.samples[place]
                axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                if column:
                    axes.set_xlabel(f"{found.distances[place, column - 1]:.1f}", fontsize=9, labelpad=2)
        grid[0, 0].set_title("sample")
        grid[0, 1].set_title("nearest in training")
    alt = f"{rows} samples, each with the {columns - 1} training images nearest to it: {found.sentence()}."
    caption = "Below an image: root mean squared difference of its pixels from the sample's, of 255."
    return style.save(figure, out.parent, out.stem, "Nearest in training", alt, caption)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The command's own options."""
    parser = subparsers.add_parser("nearest", help="show the training images nearest to a run's samples")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture")
    parser.add_argument("--n", type=int, default=6, metavar="N", help="samples that are shown (default: 6)")
    parser.add_argument("--k", type=int, default=4, metavar="K", help="neighbours of each (default: 4)")
    parser.add_argument(
        "--samples", type=int, default=500, metavar="N", help="samples that the test of copying takes (default: 500)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the latent points (default: 0)")
    return parser

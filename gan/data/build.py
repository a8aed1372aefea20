"""From a data configuration to a source of real samples on a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gan.config import Data, DigitsData, FolderData, GridData, MnistData, RingData, SpiralData
from gan.data import folder, plane
from gan.data.source import Density, Endless, Shuffled, Source
from lab.supervised import datasets

BROKEN_SHOWN = 5
"""Broken files that one warning names."""


def source(
    data: Data, images: Tensor | None, device: torch.device, draws: torch.Generator, order: torch.Generator
) -> Source:
    """The real samples of ``data``.

    Args:
        data: the configuration's ``data``.
        images: what :func:`images` gave for it.
        device: where batches are wanted.
        draws: a generator on ``device``, from which endless data is drawn.
        order: a host generator, from which the order of images is drawn.
    """
    if isinstance(data, RingData | GridData | SpiralData):
        return Endless(density(data, device), draws)
    assert images is not None
    return Shuffled(images, device, order)


def density(data: RingData | GridData | SpiralData, device: torch.device) -> Density:
    """The distribution in the plane that ``data`` describes."""
    return plane.spiral(data, device) if isinstance(data, SpiralData) else plane.mixture(data, device)


def images(data: Data, data_dir: Path, warn: Callable[[str], None]) -> Tensor | None:
    """All training images, uint8[n, channels, height, width] on the host; None for points, which are drawn.

    Args:
        data: the configuration's ``data``.
        data_dir: where data sets lie.
        warn: told in one line which files of a folder are broken and left out.
    """
    if isinstance(data, DigitsData | MnistData):
        return datasets.load(data.name, data_dir).images
    if not isinstance(data, FolderData):
        return None
    found = folder.read(Path(data.path).expanduser(), data.size, data.channels)
    if found.broken:
        named = [f"{name} ({reason})" for name, reason in found.broken.items()]
        more = f" and {len(named) - BROKEN_SHOWN} more" if len(named) > BROKEN_SHOWN else ""
        count = f"{len(named)} of {len(named) + len(found.images)} images left out"
        warn(f"{data.path}: {count}: {', '.join(named[:BROKEN_SHOWN])}{more}")
    return found.images

"""From a data configuration to a source of real samples on a device."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from gan.config import Data, DigitsData, FolderData, GridData, MnistData, RingData, SpiralData
from gan.data import folder, plane
from gan.data.source import Density, Endless, Shuffled, Source
from lab.supervised import datasets


def source(data: Data, data_dir: Path, device: torch.device, draws: torch.Generator, order: torch.Generator) -> Source:
    """The real samples of ``data``.

    Args:
        data: the configuration's ``data``.
        data_dir: where data sets lie.
        device: where batches are wanted.
        draws: a generator on ``device``, from which endless data is drawn.
        order: a host generator, from which the order of images is drawn.
    """
    if isinstance(data, RingData | GridData | SpiralData):
        return Endless(density(data, device), draws)
    return Shuffled(images(data, data_dir), device, order)


def density(data: RingData | GridData | SpiralData, device: torch.device) -> Density:
    """The distribution in the plane that ``data`` describes."""
    return plane.spiral(data, device) if isinstance(data, SpiralData) else plane.mixture(data, device)


def images(data: DigitsData | MnistData | FolderData, data_dir: Path) -> Tensor:
    """All training images, uint8[n, channels, height, width] on the host; broken files of a folder raise a warning."""
    if not isinstance(data, FolderData):
        return datasets.load(data.name, data_dir).images
    found = folder.read(Path(data.path).expanduser(), data.size, data.channels)
    for name, reason in found.broken.items():
        warnings.warn(f"{data.path}: {name} left out ({reason})", stacklevel=2)
    return found.images

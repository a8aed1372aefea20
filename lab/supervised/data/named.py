"""The image sets that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lab.supervised import datasets
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled


class NamedData(DataPart):
    """A set of :mod:`lab.supervised.datasets`: ten classes of images."""

    name: Literal["digits", "mnist", "fashion-mnist", "cifar10"]

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """All of it."""
        return datasets.load(self.name, data_dir)

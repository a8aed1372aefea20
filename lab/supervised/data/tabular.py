"""Tables of numbers that are known by name: hard for their many, or their very unequal classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lab.supervised import tabular
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled

LOADERS = {"shuttle": tabular.shuttle, "letter": tabular.letter}


class TabularData(DataPart):
    """A table of :mod:`lab.supervised.tabular`, standardised, in UCI's own training and test part."""

    name: Literal["shuttle", "letter"]

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """All of it."""
        return LOADERS[self.name](data_dir)

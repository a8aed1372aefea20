"""The image sets that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from lab.errors import UserError
from lab.supervised import datasets
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled


class NamedData(DataPart):
    """A set of :mod:`lab.supervised.datasets`: ten classes of images."""

    name: Literal["digits", "mnist", "fashion-mnist", "cifar10"]
    samples: int | None = Field(None, ge=1, description="the first so many of the training part; all, if left out")

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """All of the test part."""
        data = datasets.load(self.name, data_dir)
        if self.samples is None:
            return data
        if self.samples > len(data.labels):
            raise UserError(f"data.samples: {self.samples} is not accepted; at most {len(data.labels)} is")
        return replace(data, inputs=data.inputs[: self.samples], labels=data.labels[: self.samples])

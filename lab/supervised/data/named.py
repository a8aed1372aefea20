"""The image sets that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from lab.supervised import datasets
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled
from lab.supervised.samples import of_classes


class NamedData(DataPart):
    """A set of :mod:`lab.supervised.datasets`: ten classes of images, or some of them."""

    name: Literal["digits", "mnist", "fashion-mnist", "cifar10"]
    classes: tuple[Annotated[int, Field(ge=0, le=9)], ...] | None = Field(
        None,
        min_length=2,
        max_length=10,
        description="those that there are, in the order of their new numbers; null: all",
    )

    @field_validator("classes")
    @classmethod
    def _each_once(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and len(set(value)) != len(value):
            raise ValueError(f"{list(value)} names a class twice")
        return value

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """The samples of its classes."""
        found = datasets.load(self.name, data_dir)
        return found if self.classes is None else of_classes(found, self.classes)

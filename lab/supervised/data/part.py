"""What a kind of data is to the classifier's trainer: samples with labels, in a training and a test part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.supervised.datasets import Labelled
from lab.training.parts import Part


class DataPart(Part):
    """What to classify. A subclass adds its settings as fields."""

    name: str

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """Find the data.

        Args:
            data_dir: where data sets lie or are downloaded to.
            warn: told in one line what was left out.

        Raises:
            UserError: it is not there, or not what it should be.
        """
        raise NotImplementedError

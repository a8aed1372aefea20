"""MNIST and Fashion-MNIST, from IDX files under the data directory, fetched where they are absent."""

from __future__ import annotations

from typing import Literal

from gan.data.labelled import LabelledData
from gan.data.part import Shape


class MnistData(LabelledData):
    """MNIST or Fashion-MNIST, 60,000 grey images of 28×28."""

    name: Literal["mnist", "fashion-mnist"]

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        return (1, 28, 28)

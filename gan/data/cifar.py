"""CIFAR-10, from its published archives under the data directory."""

from __future__ import annotations

from typing import Literal

from gan.data.labelled import LabelledData
from gan.data.part import Shape


class Cifar10Data(LabelledData):
    """CIFAR-10, 50,000 colour images of 32×32; its files are looked for in ``cifar10/`` and never downloaded."""

    name: Literal["cifar10"] = "cifar10"

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        return (3, 32, 32)

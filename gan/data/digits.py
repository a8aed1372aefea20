"""scikit-learn's handwritten digits: images without a network, trained on in under a minute."""

from __future__ import annotations

from typing import Literal

from gan.data.labelled import LabelledData
from gan.data.part import Shape


class DigitsData(LabelledData):
    """scikit-learn's 1,797 handwritten digits, 8×8 grey; needs no network."""

    name: Literal["digits"] = "digits"

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        return (1, 8, 8)

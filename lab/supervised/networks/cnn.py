"""A small convolutional network with BatchNorm and dropout, for images of 8² to 32² pixels; quick on one CPU core."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from lab.supervised.networks.images import FlattenLast, channels_last, require_image
from lab.supervised.networks.part import NetworkPart, Shape


class Cnn(nn.Module):
    """Convolutions that each halve the image, then fully connected layers.

    Max-pooling comes before BatchNorm and ReLU, which then have a quarter of the work; with ReLU it commutes.
    """

    def __init__(
        self, shape: Shape, widths: tuple[int, ...], hidden: tuple[int, ...], classes: int, dropout: float
    ) -> None:
        super().__init__()
        channels, height, width = shape
        body: list[nn.Module] = []
        for wide in widths:
            convolution = nn.Conv2d(channels, wide, 3, padding=1, bias=False)
            body += [convolution, nn.MaxPool2d(2), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)]
            channels = wide
        features = channels * (height >> len(widths)) * (width >> len(widths))
        body += [FlattenLast(), nn.Dropout(dropout)]
        for units in hidden:
            linear = nn.Linear(features, units, bias=False)
            body += [linear, nn.BatchNorm1d(units), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            features = units
        self.body = nn.Sequential(*body)
        self.readout = nn.Linear(features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32[n, classes]."""
        logits: Tensor = self.readout(self.body(channels_last(images)))
        return logits


class CnnNetwork(NetworkPart):
    """Convolutions of 3×3, each followed by max-pooling, BatchNorm and ReLU; dropout before fully connected layers."""

    network: Literal["cnn"] = "cnn"
    widths: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (32, 64), min_length=1, max_length=8, description="channels of each convolution; each halves the image"
    )
    hidden: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = Field(
        (128,), max_length=16, description="units of each fully connected layer before the read-out"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of features dropped, unless the technique dropout conducts it"
    )

    def check(self, shape: Shape) -> None:
        """Images of at least 2^len(widths) pixels a side."""
        require_image(shape, len(self.widths))

    def build(self, shape: Shape, classes: int) -> Cnn:
        """The network for images of this shape."""
        return Cnn(shape, self.widths, self.hidden, classes, self.dropout)

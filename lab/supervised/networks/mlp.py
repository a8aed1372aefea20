"""Fully connected layers: for any data; ``hidden: [300, 100]`` is LeNet-300-100 (LeCun et al. 1998)."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from lab.supervised.networks.part import NetworkPart, Shape


class UnitRange(nn.Flatten):
    """Flattens images in [−1, 1] and takes them to [0, 1]: an always blank pixel gives its weights no gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Float32[n, numbers]."""
        return super().forward(inputs).mul(0.5).add(0.5)


class Mlp(nn.Module):
    """Layers with ReLU and dropout between them."""

    def __init__(
        self, inputs: int, hidden: tuple[int, ...], classes: int, dropout: float, unit_range: bool = False
    ) -> None:
        super().__init__()
        sizes = (inputs, *hidden)
        layers = [
            layer
            for before, after in zip(sizes, hidden, strict=False)
            for layer in (nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout))
        ]
        self.body = nn.Sequential(UnitRange() if unit_range else nn.Flatten(), *layers)
        self.readout = nn.Linear(sizes[-1], classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits float32[n, classes]."""
        logits: Tensor = self.readout(self.body(inputs))
        return logits


class MlpNetwork(NetworkPart):
    """Fully connected layers, each followed by ReLU and dropout."""

    network: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = Field(
        (256, 256), max_length=64, description="units of each hidden layer"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of units dropped, unless the technique dropout conducts it"
    )
    unit_range: bool = Field(
        False,
        description="take images in [0, 1] in the place of [-1, 1], where the weights of every blank pixel have the "
        "gradient of a bias, and sparse training that grows by gradient spends its connections on them",
    )

    def build(self, shape: Shape, classes: int) -> Mlp:
        """Images are flattened."""
        return Mlp(math.prod(shape), self.hidden, classes, self.dropout, self.unit_range)

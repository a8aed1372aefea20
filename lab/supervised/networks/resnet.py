"""A compact residual network with BatchNorm, for images of 8² to 32² pixels (He et al. 2016, arXiv 1603.05027)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from lab.supervised.networks.images import channels_last, require_image
from lab.supervised.networks.part import NetworkPart, Shape


class Block(nn.Module):
    """x + conv(relu(norm(dropout(conv(relu(norm(x))))))), by a 1×1 convolution where channels or resolution change."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.activation = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """From [n, inputs, height, width] to [n, outputs, height / stride, width / stride]."""
        active = self.activation(images)
        kept = images if self.shortcut is None else self.shortcut(active)
        found: Tensor = kept + self.residual(active)
        return found


class ResNet(nn.Module):
    """Stages of pre-activation blocks, each after the first at half the resolution and twice the width."""

    def __init__(self, channels: int, width: int, blocks: tuple[int, ...], classes: int, dropout: float) -> None:
        super().__init__()
        body: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1, bias=False)]
        inputs = width
        for stage, count in enumerate(blocks):
            for place in range(count):
                body.append(Block(inputs, width << stage, 2 if stage and not place else 1, dropout))
                inputs = width << stage
        body += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.body = nn.Sequential(*body)
        self.readout = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32[n, classes]."""
        logits: Tensor = self.readout(self.body(channels_last(images)))
        return logits


class ResnetNetwork(NetworkPart):
    """Pre-activation blocks of two 3×3 convolutions; ``width: 16, blocks: [3, 3, 3]`` is the ResNet-20 of CIFAR-10."""

    network: Literal["resnet"] = "resnet"
    width: int = Field(16, ge=1, le=1024, description="channels of the first stage; doubled at each halving")
    blocks: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (1, 1, 1),
        min_length=1,
        max_length=5,
        description="blocks of each stage; each stage but the first halves the image",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share dropped within a block, unless the technique dropout conducts it"
    )

    def check(self, shape: Shape) -> None:
        """Images of at least 2^(len(blocks) − 1) pixels a side."""
        require_image(shape, len(self.blocks) - 1)

    def build(self, shape: Shape, classes: int) -> ResNet:
        """The network for images of this shape."""
        return ResNet(shape[0], self.width, self.blocks, classes, self.dropout)

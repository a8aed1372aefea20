"""What convolutional networks share: where they accept images, and the order in which a CPU likes them in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lab.supervised.networks.part import Shape


def require_image(shape: Shape, halvings: int) -> None:
    """Refuse samples that are no images, or that have too few pixels to be halved so often.

    Raises:
        ValueError: in one line.
    """
    if len(shape) != 3:
        raise ValueError(f"it takes images, and samples of shape {list(shape)} are none")
    if min(shape[1:]) >> halvings < 1:
        raise ValueError(
            f"images of {shape[1]}×{shape[2]} cannot be halved {halvings} times; at least {1 << halvings} pixels a side"
        )


def channels_last(images: Tensor) -> Tensor:
    """Images [n, channels, height, width]; on a CPU in memory by channels last, which takes two thirds of the time."""
    # A clone, since an image of one channel lies the same either way and torch goes by strides.
    return images.clone(memory_format=torch.channels_last) if images.device.type == "cpu" else images


class FlattenLast(nn.Module):
    """From [n, channels, height, width] to [n, height·width·channels], a view, and so is its gradient."""

    def forward(self, images: Tensor) -> Tensor:
        """By rows, columns, channels."""
        return images.permute(0, 2, 3, 1).flatten(1)

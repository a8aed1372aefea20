"""Layers of convolutional networks, arranged for the code that a CPU has for them: torch's numbers, sooner.

Between convolutions activations lie in memory by channels last, which spares oneDNN most of its reordering: a 4×4
convolution to half the resolution takes half the time with its gradients. On a GPU these are torch's own layers.

Convolutions between an image of one or three channels and many become 1×1 convolutions. For a transposed one to so few
channels, and for the gradient of one with respect to them, oneDNN has no vector code: at 28×28 pixels they take five
times as long as a 1×1 convolution between the many channels and the windows of the image, and the sum over windows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 16
"""Below this many pixels a side the windows cost more than they save; measured at 8 and 28."""


class ConvFromImage(nn.Conv2d):
    """``nn.Conv2d`` for square images of few channels; without dilation, groups, or a padding of anything but zeros."""

    def forward(self, input: Tensor) -> Tensor:
        """From [n, channels, size, size] to [n, out_channels, size', size'], in memory by channels last."""
        size, kernel, stride, padding = input.shape[-1], self.kernel_size[0], self.stride[0], int(self.padding[0])
        if input.device.type != "cpu" or size < SMALL:
            return super().forward(input)
        if not input.requires_grad:  # only that gradient is slow
            # One channel lies the same either way, and torch goes by strides: a clone has those of channels last.
            return super().forward(input.clone(memory_format=torch.channels_last))
        side = (size + 2 * padding - kernel) // stride + 1
        windows = functional.unfold(input, kernel, padding=padding, stride=stride).view(len(input), -1, side, side)
        weight = self.weight.flatten(1)[:, :, None, None]
        return functional.conv2d(windows.contiguous(memory_format=torch.channels_last), weight, self.bias)


class ConvToImage(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` to square images of few channels; without dilation, groups or output padding."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """From [n, channels, size, size] to [n, out_channels, size', size']."""
        size, kernel, stride, padding = input.shape[-1], self.kernel_size[0], self.stride[0], int(self.padding[0])
        if input.device.type != "cpu" or output_size is not None:
            return super().forward(input, output_size)
        side = (size - 1) * stride - 2 * padding + kernel
        weight = self.weight.flatten(1).t()[:, :, None, None]
        windows = functional.conv2d(input, weight).flatten(2)
        image = functional.fold(windows, (side, side), kernel, padding=padding, stride=stride)
        return image if self.bias is None else image + self.bias[:, None, None]


class Unflatten(nn.Unflatten):
    """``nn.Unflatten`` to [n, channels, size, size], in memory by channels last."""

    def forward(self, input: Tensor) -> Tensor:
        """The numbers of ``nn.Unflatten``."""
        return _channels_last(super().forward(input))


class Flatten(nn.Flatten):
    """``nn.Flatten`` from [n, channels, size, size], whose gradient comes back by channels last, as the input came."""

    def forward(self, input: Tensor) -> Tensor:
        """The numbers of ``nn.Flatten``."""
        if input.requires_grad:
            # Or the layers before it would read one order and write the other.
            input.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        return super().forward(input)


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last) if images.device.type == "cpu" else images

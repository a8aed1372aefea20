"""Layers of class-conditional players, which take labels beside their input: one-hot rows float[n, classes]."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class ClassSequential(nn.ModuleList):
    """Layers one after another; those that say ``takes_labels`` get the labels beside their input."""

    takes_labels: ClassVar[bool] = True

    def forward(self, input: Tensor, labels: Tensor) -> Tensor:
        """What the last layer gives."""
        for layer in self:
            input = layer(input, labels) if getattr(layer, "takes_labels", False) else layer(input)
        return input


class ClassNorm(nn.Module):
    """Class-conditional BatchNorm (de Vries et al. 2017): statistics of the batch, scale and shift of the class."""

    takes_labels: ClassVar[bool] = True

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.affine = nn.Linear(classes, 2 * channels, bias=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Every class begins as BatchNorm does, with a scale of 1 and a shift of 0."""
        self.norm.reset_running_stats()
        scale, shift = self.affine.weight.chunk(2)
        nn.init.ones_(scale)
        nn.init.zeros_(shift)

    def forward(self, input: Tensor, labels: Tensor) -> Tensor:
        """From [n, channels, height, width] to the same shape."""
        scale, shift = self.affine(labels)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, scale, self.norm(input))


def batch_norm(channels: int, classes: int) -> nn.Module:
    """BatchNorm, class-conditional unless ``classes`` is 0."""
    return ClassNorm(channels, classes) if classes else nn.BatchNorm2d(channels)


def reset_norms(network: nn.Module) -> None:
    """Begin every :class:`ClassNorm` anew, whose linear layer an initialisation by kinds has taken for one of many."""
    for layer in network.modules():
        if isinstance(layer, ClassNorm):
            layer.reset_parameters()


class Labelled(nn.Module):
    """A generator whose latent points end in their label: float[n, latent + classes]."""

    def __init__(self, classes: int, stack: ClassSequential) -> None:
        super().__init__()
        self.classes = classes
        self.stack = stack

    def forward(self, points: Tensor) -> Tensor:
        """Samples of the labels' classes."""
        samples: Tensor = self.stack(points[:, : -self.classes], points[:, -self.classes :])
        return samples


class Projection(nn.Module):
    """A projection discriminator (Miyato & Koyama 2018, figure 1d): the logit head(φ) + yᵀVφ of features φ and label y.

    Args:
        features: from samples to φ, float[n, width].
        head: from φ to float[n].
        width: numbers in φ.
        classes: how many there are.
    """

    def __init__(self, features: nn.Module, head: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.features = features
        self.head = head
        self.embedding = nn.Linear(classes, width, bias=False)

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        """One logit a sample, float[n]."""
        features = self.features(samples)
        logits: Tensor = self.head(features) + (features * self.embedding(labels)).sum(1)
        return logits


class Joined(nn.Module):
    """A discriminator of the numbers of a sample and of its label in one row."""

    def __init__(self, stack: nn.Module) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        """One logit a sample, float[n]."""
        logits: Tensor = self.stack(torch.cat((samples.flatten(1), labels), dim=1))
        return logits

"""A small convolutional classifier and how it is trained: seconds on digits, about two minutes on MNIST, on one CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lab.phase import Clock, Conductor, Schedule, targets
from lab.supervised.datasets import Labelled
from lab.training.config import Config

CHUNK = 500
"""Images that pass the network at once where no gradient is needed; a matter of memory only."""


class ClassifierConfig(Config):
    """What the classifier is and how it is trained; its fields are what the cache of trained ones goes by."""

    seed: int = 0
    width: int = 16
    features: int = 64
    epochs: int = 2
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4


class Classifier(nn.Module):
    """Two convolutions with pooling, a layer of features, a linear read-out.

    Args:
        shape: channels, height and width of an image; each side at least 4.
        classes: how many there are.
        config: sizes.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, config: ClassifierConfig) -> None:
        super().__init__()
        channels, height, width = shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, config.width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(config.width, 2 * config.width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * config.width * (height // 4) * (width // 4), config.features),
            nn.ReLU(),
        )
        self.readout = nn.Linear(config.features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float[n, classes] of images float[n, channels, height, width] in [−1, 1]."""
        logits: Tensor = self.readout(self.body(images))
        return logits

    @torch.no_grad()
    def describe(self, images: Tensor, chunk: int = CHUNK) -> tuple[Tensor, Tensor]:
        """Features float[n, features] and classes int64[n] of byte images, on the network's device.

        The chunk changes features by float32's rounding only (about 1e-6 of their size).
        """
        device = self.readout.weight.device
        features = [self.body(normalised(part.to(device))) for part in torch.split(images, chunk)]
        stacked = torch.cat(features)
        return stacked, self.readout(stacked).argmax(dim=1)


@dataclass(frozen=True)
class Trained:
    """A trained classifier, in evaluation mode, and its accuracy on the test part in [0, 1]."""

    network: Classifier
    accuracy: float


def build(data: Labelled, config: ClassifierConfig, random: torch.Generator) -> Classifier:
    """A classifier for these images on the CPU, its weights drawn from ``random`` (He et al. 2015)."""
    channels, height, width = data.inputs.shape[1:]
    with torch.device("meta"):
        network = Classifier((channels, height, width), data.classes, config)
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=random)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network


def train(data: Labelled, config: ClassifierConfig, device: torch.device | None = None) -> Trained:
    """Train on the training part by AdamW with one cycle of the learning rate; equal arguments give equal weights.

    The result depends on ``config.seed`` alone, not on any global generator.
    """
    device = device or torch.device("cpu")
    random = torch.Generator().manual_seed(config.seed)
    network = build(data, config, random).to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    images, labels = data.inputs.to(device), data.labels.to(device)
    batches = math.ceil(len(images) / config.batch_size)
    rate = Schedule(Clock(period=batches * config.epochs, cycles=1), "one_cycle", low=0.0, high=config.learning_rate)
    conductor = Conductor({"lr": (rate, targets.param_group(optimizer, "lr"))})
    for epoch in range(config.epochs):
        order = torch.randperm(len(images), generator=random).to(device)
        for batch, index in enumerate(torch.split(order, config.batch_size)):
            conductor.step(epoch * batches + batch)
            loss = functional.cross_entropy(network(normalised(images[index])), labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    network.eval().requires_grad_(False)
    return Trained(network, accuracy(network, data.test_inputs, data.test_labels))


def accuracy(network: Classifier, images: Tensor, labels: Tensor) -> float:
    """Share of byte images given their label, in [0, 1]."""
    _, classes = network.describe(images)
    return float((classes.cpu() == labels).double().mean())


def normalised(images: Tensor) -> Tensor:
    """Bytes 0 … 255 as float32 in [−1, 1]."""
    return images.float().div_(127.5).sub_(1.0)

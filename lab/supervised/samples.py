"""The samples of a run: in batches to learn from, in chunks to be scored on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.supervised.classifier import normalised
from lab.supervised.datasets import Labelled
from lab.supervised.splits import stratified
from lab.techniques.technique import Batch
from lab.training.epochs import Epochs

CHUNK = 1000
"""Samples that pass the network at once where no gradient is needed; a matter of memory only."""


class Samples:
    """Batches of the training part in a random order, epoch after epoch.

    Args:
        data: on the host.
        device: where batches are wanted.
        random: a host generator from which each epoch's order is drawn; its owner saves it.
    """

    def __init__(self, data: Labelled, device: torch.device, random: torch.Generator) -> None:
        self._inputs, self._labels = data.inputs.to(device), data.labels.to(device)
        self._places = Epochs(len(data.labels), random)
        self._device = device

    def batch(self, n: int, step: int) -> Batch:
        """The next ``n`` samples, whatever step they are for."""
        index = self._places.take(n).to(self._device)
        samples = self._inputs[index]
        return Batch(prepared(samples), self._labels[index], stored=samples)

    def state_dict(self) -> dict[str, Any]:
        """The order of the present epoch and the place in it."""
        return self._places.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore order and place."""
        self._places.load_state_dict(state)


def prepared(inputs: Tensor) -> Tensor:
    """Inputs as a network takes them: bytes 0 … 255 as float32 in [−1, 1], floats as they are."""
    return normalised(inputs) if inputs.dtype == torch.uint8 else inputs.float()


def chunks(inputs: Tensor, device: torch.device, size: int = CHUNK) -> Iterator[Tensor]:
    """Inputs on the device as a network takes them, ``size`` at a time."""
    for part in torch.split(inputs, size):
        yield prepared(part.to(device))


def held_out(data: Labelled, n: int, random: torch.Generator) -> Labelled:
    """The same data, ``n`` random samples of its training part, of each class its share, in the place of its test part.

    Raises:
        UserError: nothing would be left to learn from.
    """
    if n >= len(data.labels):
        raise UserError(f"validation: {n} is not accepted; below {len(data.labels)}, the training samples, is")
    held = stratified(data.labels, n, random)
    return replace(
        data,
        inputs=data.inputs[~held],
        labels=data.labels[~held],
        test_inputs=data.inputs[held],
        test_labels=data.labels[held],
    )


def of_classes(data: Labelled, classes: Sequence[int]) -> Labelled:
    """Only the samples of some classes, which become 0, 1, … in this order."""
    numbers = torch.full((data.classes,), -1)
    numbers[list(classes)] = torch.arange(len(classes))
    train, test = numbers[data.labels], numbers[data.test_labels]
    return Labelled(
        data.inputs[train >= 0], train[train >= 0], data.test_inputs[test >= 0], test[test >= 0], len(classes)
    )


def few(data: Labelled, n: int, random: torch.Generator) -> Labelled:
    """The same data, only ``n`` random samples in its training part: of each class as many, or one more.

    Raises:
        UserError: a class has not so many, or would have none.
    """
    if n < data.classes:
        raise UserError(f"train_samples: {n} is not accepted; at least {data.classes}, one of each class, is")
    order = torch.randperm(len(data.labels), generator=random)
    drawn = []
    for label in range(data.classes):
        own = order[data.labels[order] == label]
        wanted = n // data.classes + (label < n % data.classes)
        if len(own) < wanted:
            raise UserError(f"train_samples: {n} takes {wanted} of each class, and class {label} has {len(own)}")
        drawn.append(own[:wanted])
    kept = torch.cat(drawn)
    return replace(data, inputs=data.inputs[kept], labels=data.labels[kept])

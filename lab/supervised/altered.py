"""Data made harder: long tails of classes, and wrong labels; the training part alone, drawn by the run's seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lab.errors import UserError
from lab.supervised.datasets import Labelled
from lab.training.randomness import stream


def altered(
    data: Labelled, imbalance: float, label_noise: float, seed: int, warn: Callable[[str], None] = lambda message: None
) -> Labelled:
    """The data with a long tail (:func:`long_tailed`), then with wrong labels (:func:`mislabelled`).

    Args:
        data: of which the test part is left alone.
        imbalance: 1 changes nothing.
        label_noise: 0 changes nothing.
        seed: of the run.
        warn: told where the smallest class makes the head less than half of what it was.

    Raises:
        UserError: a class would have no training sample left.
    """
    if imbalance > 1:
        counts = torch.bincount(data.labels, minlength=data.classes)
        kept = long_tailed(data.labels, data.classes, imbalance, stream(seed, "imbalance"))
        if counts.min() < counts.max() / 2:
            warn(
                f"imbalance: {len(kept):,} of {len(data.labels):,} training samples are kept, as the head has no more "
                f"than the smallest class, {int(counts.min()):,}"
            )
        data = replace(data, inputs=data.inputs[kept], labels=data.labels[kept])
    if label_noise > 0:
        labels = mislabelled(data.labels, data.classes, label_noise, stream(seed, "label noise"))
        data = replace(data, labels=labels)
    return data


def tail_counts(most: int, classes: int, imbalance: float) -> list[int]:
    """How many samples each class keeps: n_i = ⌊n·imbalance^(−i/(C−1))⌋, class 0 the head (Cui et al. 2019, section 5).

    >>> tail_counts(5000, 10, 100)
    [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    """
    steps = max(classes - 1, 1)
    return [int(most * imbalance ** (-place / steps) + 1e-9) for place in range(classes)]


def long_tailed(labels: Tensor, classes: int, imbalance: float, random: torch.Generator) -> Tensor:
    """Places of the samples that are kept, rising, int64[k]: as many of each class as :func:`tail_counts` says.

    The head's n is the smallest class's number of samples, so that the profile is exact whatever the classes' sizes.

    Raises:
        UserError: a class would keep none.
    """
    present = torch.bincount(labels, minlength=classes)
    most = int(present.min())
    counts = tail_counts(most, classes, imbalance)
    if 0 in counts:
        accepted = f"at most {most} is" if most else "no imbalance is, as a class is empty"
        raise UserError(f"imbalance: {imbalance:g} leaves no sample of class {counts.index(0)}; {accepted}")
    return torch.cat(_chosen(labels, counts, random)).sort().values


def _chosen(labels: Tensor, counts: Sequence[int], random: torch.Generator) -> list[Tensor]:
    order = torch.randperm(len(labels), generator=random)
    return [order[labels[order] == label][:count] for label, count in enumerate(counts)]


def mislabelled(labels: Tensor, classes: int, share: float, random: torch.Generator) -> Tensor:
    """Labels of which a share, to the nearest sample, is replaced by another class, each other one equally likely.

    Symmetric noise (Patrini et al. 2017): a chosen label is always wrong.
    """
    wrong = torch.randperm(len(labels), generator=random)[: round(share * len(labels))]
    shifts = torch.randint(1, max(classes, 2), (len(wrong),), generator=random)
    found = labels.clone()
    found[wrong] = (labels[wrong] + shifts) % classes
    return found

"""Which samples are held out: of each class its share."""

from __future__ import annotations

import torch
from torch import Tensor

SPLIT_SEED = 20260101
"""From which data that come in one part are split: the same for every run, so that scores can be compared."""


def stratified(labels: Tensor, n: int, random: torch.Generator) -> Tensor:
    """Places of ``n`` random labels, each class having its share of them to within one; bool[len(labels)].

    Args:
        labels: int64[samples].
        n: at most as many.
        random: on the host.
    """
    order = torch.randperm(len(labels), generator=random)
    by_class = order[torch.argsort(labels[order], stable=True)]
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[by_class[(2 * torch.arange(n) + 1) * len(labels) // (2 * max(n, 1))]] = True
    return chosen


def fixed_split(labels: Tensor, share: float) -> Tensor:
    """The samples of the test part where nobody else has said which: a stratified share, the same in every run."""
    return stratified(labels, round(share * len(labels)), torch.Generator().manual_seed(SPLIT_SEED))

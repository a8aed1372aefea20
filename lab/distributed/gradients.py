"""Data-parallel training: before an optimiser moves, its gradients become the mean over all workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from lab.distributed.flat import joined, spread_over, statistics
from lab.distributed.group import Mean
from lab.training.trainer import Sharing


class Gradients:
    """Hooks on one worker's optimisers, and the mean of what no gradient moves.

    A mean over equal parts of a batch is the mean over the batch, so that losses that are means over samples have the
    gradients of a single process. Where a network normalises by its batch (BatchNorm), each worker normalises by its
    own part; running statistics become their means.

    Args:
        worker: that of this process.
        mean: over the workers of all processes, which call it equally often.
    """

    def __init__(self, worker: Sharing, mean: Mean) -> None:
        self._worker, self._mean = worker, mean
        for optimizer in worker.optimizers().values():
            optimizer.register_step_pre_hook(self._average)

    @torch.no_grad()
    def _average(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        found = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if found:
            spread_over(self._mean([joined(found)]), found)

    @torch.no_grad()
    def stepped(self) -> None:
        """After a step: running statistics, and what follows them."""
        own = statistics([*self._worker.models().values()])
        if own:
            own += self._worker.followers()
            spread_over(self._mean([joined(own)]), own)


def apart(workers: Sequence[Sharing], mean: Mean) -> float:
    """How far workers' weights are from their mean, as a share of its norm; 0 where they are one."""
    rows = [joined([p for model in worker.models().values() for p in model.parameters()]) for worker in workers]
    middle = mean(rows)
    own = [(row - middle).norm()[None] for row in rows]
    return float(mean(own)) / max(float(middle.norm()), 1e-12)

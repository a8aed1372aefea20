"""What BatchNorm normalises by where no training is done: the batch, running statistics, or ones estimated anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Statistics = Sequence[tuple[Tensor, Tensor]]
"""Mean and variance of each BatchNorm of a network, in its order."""


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[list[_BatchNorm]]:
    """Evaluation mode without gradients; yields the BatchNorms, which are as they were afterwards."""
    modes = {module: module.training for module in network.modules()}
    norms = [module for module in modes if isinstance(module, _BatchNorm) and module.running_mean is not None]
    kept = [(norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.momentum) for norm in norms]
    network.eval()
    try:
        with torch.no_grad():
            yield norms
    finally:
        for module, training in modes.items():
            module.training = training
        for norm, (mean, variance, tracked, momentum) in zip(norms, kept, strict=True):
            norm.running_mean, norm.running_var = mean, variance
            norm.num_batches_tracked, norm.momentum = tracked, momentum


def by_batch(network: nn.Module, inputs: Tensor) -> Tensor:
    """What a network answers if BatchNorm normalises by these inputs, and all else is in evaluation mode."""
    with _evaluating(network) as norms:
        for norm in norms:
            norm.running_mean = norm.running_var = None
        answer: Tensor = network(inputs)
    return answer


def by_running(network: nn.Module, inputs: Tensor, statistics: Statistics | None = None) -> Tensor:
    """What a network answers in evaluation mode, by its own running statistics or by these."""
    with _evaluating(network) as norms:
        for norm, (mean, variance) in zip(norms, statistics or (), strict=statistics is not None):
            norm.running_mean, norm.running_var = mean, variance
        answer: Tensor = network(inputs)
    return answer


def reestimated(network: nn.Module, batches: Sequence[Tensor]) -> Statistics:
    """Statistics as plain averages over batches of inputs (PreciseBN, arXiv 2105.07576); the network's own stay.

    As ``torch.optim.swa_utils.update_bn``, but dropout is off, as it is where the statistics are then used.
    """
    with _evaluating(network) as norms:
        for norm in norms:
            norm.running_mean, norm.running_var = _fresh(norm.running_mean), _fresh(norm.running_var)
            norm.num_batches_tracked, norm.momentum = _fresh(norm.num_batches_tracked), None
            norm.training = True
        for inputs in batches:
            network(inputs)
        return [(_there(norm.running_mean), _there(norm.running_var)) for norm in norms]


def _there(statistic: Tensor | None) -> Tensor:
    assert statistic is not None, "only BatchNorms that have running statistics are asked"
    return statistic


def _fresh(statistic: Tensor | None) -> Tensor:
    return torch.zeros_like(_there(statistic))

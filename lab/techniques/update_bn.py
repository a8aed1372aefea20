"""BatchNorm's statistics estimated anew for weights that no step has trained: averages of weights, above all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lab.techniques.technique import Predictor, log_probabilities


@torch.no_grad()
def reestimated(network: nn.Module, batches: Callable[[], Sequence[Tensor]]) -> nn.Module:
    """A copy whose BatchNorm layers hold the means of these batches' statistics; without such layers the network.

    As torch's ``update_bn`` does it, which is the precise BatchNorm of arXiv 2105.07576, but that nothing else is in
    training mode: the statistics are those of answers, which know no dropout, whatever its rate was of late. Nothing
    outside of the copy changes.

    Args:
        network: stays as it is.
        batches: gives inputs as the network takes them; batches of one sample, which have no variance, are left
            out; where there are no others the statistics stay as they are.
    """
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return network
    copied = copy.deepcopy(network).requires_grad_(False)
    copied.eval()
    norms = [module for module in copied.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    usable = [batch for batch in batches() if len(batch) > 1]
    for norm in norms if usable else ():
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
        norm.train()
    for batch in usable:
        copied(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied.eval()


def reestimating(network: nn.Module, batches: Callable[[], Sequence[Tensor]]) -> Predictor:
    """What the network says after :func:`reestimated`, which happens when it is first asked."""

    @cache
    def ready() -> Predictor:
        return log_probabilities(reestimated(network, batches))

    return lambda inputs: ready()(inputs)

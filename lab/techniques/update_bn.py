"""BatchNorm's statistics estimated anew for weights that no step has trained: averages of weights, above all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import swa_utils

from lab.techniques.technique import Predictor, log_probabilities
from lab.training.randomness import OwnNoise


def reestimated(network: nn.Module, batches: Callable[[], Sequence[Tensor]]) -> nn.Module:
    """A copy whose BatchNorm layers hold the means of these batches' statistics; without such layers the network.

    As torch's ``update_bn`` does it, which is the precise BatchNorm of arXiv 2105.07576. Dropout is at work meanwhile
    and draws what it would draw every time; nothing outside of the copy changes, nor does any random state.

    Args:
        network: stays as it is.
        batches: gives inputs as the network takes them; batches of one sample, which have no variance, are left out.
    """
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return network
    copied = copy.deepcopy(network).requires_grad_(False)
    device = next((parameter.device for parameter in copied.parameters()), torch.device("cpu"))
    with OwnNoise(torch.Generator().manual_seed(0), device):
        swa_utils.update_bn([batch for batch in batches() if len(batch) > 1], copied)
    return copied.eval()


def reestimating(network: nn.Module, batches: Callable[[], Sequence[Tensor]]) -> Predictor:
    """What the network says after :func:`reestimated`, which happens when it is first asked."""

    @cache
    def ready() -> Predictor:
        return log_probabilities(reestimated(network, batches))

    return lambda inputs: ready()(inputs)

"""What learning on a part of the data asks of a trainer: networks that learn from given samples, without a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.training.trainer import Context


@dataclass(frozen=True)
class Work:
    """What is learned, from which samples, by which rates: all that a local training depends on besides the weights.

    Attributes:
        part: places of the samples among those of the training part, int64[n], n at least 1.
        rates: by the names in :attr:`LocalModel.rate_voices`, the learning rate of each local step, all of one length.
        values: of every other voice, for all of these steps.
        seed: of all chance in it.
        proximal_mu: μ of the term (μ/2)·‖w − w₀‖² that holds the weights to where they began (FedProx); 0 is none.
    """

    part: Tensor
    rates: Mapping[str, Sequence[float]]
    values: Mapping[str, float]
    seed: int
    proximal_mu: float = 0.0


class LocalModel(Protocol):
    """Networks that learn from parts of the data. Nothing outlives a call of :meth:`learn` but the weights.

    Attributes:
        labels: of the samples, int64[samples] on the host, by which they can be shared out.
        batch_size: samples of a local step.
        rate_voices: by network, the voice of its learning rate.
    """

    labels: Tensor
    batch_size: int
    rate_voices: Mapping[str, str]

    def models(self) -> Mapping[str, nn.Module]:
        """The networks by the names that they have in the trainer's state; whoever calls may load weights into them."""

    def learn(self, work: Work) -> Mapping[str, float]:
        """Train the networks in place, by optimisers that remember nothing, and say what was measured, in means.

        A pure function of the weights and the work, bit for bit on a CPU. What is not finite is told as it is.
        """

    def scores(self, step: int) -> Mapping[str, float]:
        """Scores of the networks as they stand, ``evaluation/…``; chance depends on the seed and this step alone."""

    def recalls(self, row: Mapping[str, float]) -> Mapping[int, float]:
        """Of the scores in a row the share of each label's samples that are right; empty where nothing can be right."""


class Federates(Protocol):
    """What a plug-in's attribute ``federated`` names, as ``package.module`` or ``package.module:name``."""

    def build(self, config: Any, context: Context) -> LocalModel:
        """The networks of a configuration of that trainer, as it would begin with them.

        Raises:
            UserError: it asks for what needs a state from one step to the next, such as an average.
        """

    def plain(self, mapping: Mapping[str, Any]) -> dict[str, Any]:
        """A preset's plain data without what :meth:`build` refuses."""


@contextmanager
def pull(optimizer: Optimizer, mu: float) -> Iterator[None]:
    """Inside, μ·(w − w₀) is added to every gradient before it is used, w₀ being the weights at the beginning.

    That is the gradient of FedProx's term (μ/2)·‖w − w₀‖² (Li et al. 2020, equation 2).

    Args:
        optimizer: of those weights.
        mu: at least 0; 0 adds nothing.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]] if mu else []
    begun = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def add(*_: Any) -> None:
        for parameter, start in zip(parameters, begun, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter - start, alpha=mu)

    hook = optimizer.register_step_pre_hook(add) if mu else None
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()

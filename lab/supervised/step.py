"""The method alone: one step of a classifier and what rides along, on one screen.

Nothing here waits for the device: every statistic stays a tensor, and the caller decides when to look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from lab.techniques.technique import Batch
from lab.techniques.together import Techniques

STATISTICS = ("loss", "accuracy", "gradient")
"""What is measured of a step: the mean loss, the share of right answers, the gradient's global norm."""


def learn(
    network: nn.Module,
    parameters: Sequence[nn.Parameter],
    optimizer: Optimizer,
    techniques: Techniques,
    batch: Batch,
    step: int,
    closed: Callable[[Tensor, Tensor | None], Tensor] | None = None,
    alone: bool = True,
) -> Tensor:
    """Move the network once; return float32[len(STATISTICS)].

    Args:
        network: in training mode, from inputs to logits.
        parameters: all of its.
        optimizer: whose learning rates are set.
        techniques: whose hooks are called in their places.
        batch: what is new.
        step: the number of this one.
        closed: closes the classes that a sample's task has not: from logits and tasks to logits.
        alone: False where the gradient becomes one with other workers' as the optimiser steps.
    """
    batch = techniques.batch(batch, step)
    answers = network(batch.inputs)
    answers = answers if closed is None else closed(answers, batch.tasks)
    logits = techniques.logits(answers)
    log_probs = functional.log_softmax(logits, dim=1)
    plain = functional.nll_loss(log_probs, batch.labels, reduction="none")
    losses = techniques.loss(plain, log_probs, batch.labels)
    loss = (losses if batch.weight == 1 else losses * batch.weight).mean()
    optimizer.zero_grad(set_to_none=True)
    if loss.requires_grad:  # all may be frozen
        loss.backward()  # type: ignore[no-untyped-call]
    techniques.gradients(step)
    norm = _norm(parameters, loss) if alone else None  # before: an optimiser may write over gradients
    optimizer.step()
    norm = _norm(parameters, loss) if norm is None else norm
    right = (answers.detach().argmax(dim=1) == batch.labels).float().mean()
    return torch.stack((loss.detach(), right, norm))


def _norm(parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
    """Of all gradients together; 0 where there are none."""
    found = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(found))) if found else torch.zeros_like(loss)

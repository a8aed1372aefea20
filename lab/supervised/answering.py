"""Whether a network can be a classifier of its data: asked once, before a step is taken."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lab.door.text import one_line
from lab.errors import UserError


def check_answers(network: nn.Module, inputs: Tensor, classes: int, batch_size: int, workers: int = 1) -> None:
    """Refuse a network whose answers are no logits of the classes, or that cannot learn from a step's samples.

    The network and torch's global generators are left as they were.

    Args:
        network: on the inputs' device.
        inputs: a sample or two as it takes them, float32[n, …].
        classes: how many there are.
        batch_size: samples of a step, which the workers share.
        workers: how many.

    Raises:
        UserError: in one line.
    """
    copied = copy.deepcopy(network)
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.no_grad():
        try:
            answers = copied.eval()(inputs)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            reason = one_line(f"{type(error).__name__}: {' '.join(str(error).split())}", 300)
            raise UserError(f"network: it cannot take inputs {list(inputs.shape)}: {reason}") from error
        wanted, found = [len(inputs), classes], list(getattr(answers, "shape", ()))
        if found != wanted:
            raise UserError(f"network: it answers {found} to inputs {list(inputs.shape)}; logits {wanted} are accepted")
        if batch_size // workers == 1:
            _learn_from_one(copied, inputs[:1], batch_size, workers)


def _learn_from_one(network: nn.Module, inputs: Tensor, batch_size: int, workers: int) -> None:
    try:
        network.train()(inputs)
    except ValueError as error:  # torch's, of a BatchNorm that sees one value of each feature
        least, among = (f"{2 * workers}", f" with {workers} workers") if workers > 1 else ("2", "")
        raise UserError(
            f"batch_size: {batch_size} is not accepted{among}; at least {least} is, as the network's BatchNorm takes a "
            "variance"
        ) from error

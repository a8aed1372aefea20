"""What techniques for unequal classes know of the training data: how many samples each class has."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.errors import UserError


def counted(counts: Tensor) -> Tensor:
    """The counts of all classes as float64[classes].

    Args:
        counts: int64[classes], of a trainer.

    Raises:
        UserError: there are no classes, or one has no training sample, which no weight can make up for.
    """
    if not len(counts):
        raise UserError("there are no classes to weigh; it is for training on labels")
    if int(counts.min()) < 1:
        raise UserError(f"class {int(counts.argmin())} has no training sample; at least one of each is needed")
    return counts.to(torch.float64)

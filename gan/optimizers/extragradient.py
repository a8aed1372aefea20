"""The extragradient method: a step is taken back, and taken again by the gradient found at its end."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer


class Extragradient:
    """Two calls of :meth:`step` make one step (Korpelevich 1976; ExtraAdam: Gidel et al. 2019, algorithm 4).

    The first moves to a trial point; the second goes back and moves by the gradient at the trial point. The inner
    optimiser's moments see both gradients, as in the paper. Between two steps it stands nowhere but in the inner one.
    """

    def __init__(self, inner: Optimizer) -> None:
        self.inner = inner
        self._parameters = [parameter for group in inner.param_groups for parameter in group["params"]]
        self._origin: list[Tensor] | None = None

    @torch.no_grad()
    def step(self) -> None:
        """Move to the trial point, or from where it was left by the gradient found there."""
        if self._origin is None:
            self._origin = [parameter.clone() for parameter in self._parameters]
        else:
            torch._foreach_copy_(self._parameters, self._origin)
            self._origin = None
        self.inner.step()

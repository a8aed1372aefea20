"""What a kind of optimiser is to the classifier's trainer: something that torch steps, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from lab.techniques import weight_decay
from lab.techniques.technique import Predictor, log_probabilities
from lab.training.parts import Part


class OptimizerPart(Part):
    """An optimiser. A subclass adds its settings as fields, all but learning rate and weight decay."""

    moments: ClassVar[Sequence[str]] = ()
    """What it keeps for each parameter once it has stepped; "step" is one number, all else of the parameter's shape."""

    points: ClassVar[Sequence[str]] = ()
    """Those of :attr:`moments` that are weights themselves, which workers average as they do the network's."""

    counters: ClassVar[Sequence[str]] = ()
    """Numbers that it keeps in each of its parameter groups, and that a resume needs."""

    name: str

    @property
    def memories(self) -> Sequence[str]:
        """Those of :attr:`moments` that its settings make use of."""
        return self.moments

    def build(self, parameters: ParamsT) -> Optimizer:
        """The optimiser of parameters, or of groups of them as torch takes them; its rates are set before each step."""
        raise NotImplementedError

    def shrink(self, optimizer: Optimizer, group: Mapping[str, Any], weights: Sequence[Tensor], share: float) -> None:
        """Decoupled weight decay, before a step: θ ← (1 − share)·θ, unless the method keeps other weights too.

        Args:
            optimizer: as built.
            group: of its groups the one that the weights belong to.
            weights: which are about to be moved.
            share: that they lose.
        """
        weight_decay.shrink(weights, share)

    def predictor(
        self, network: nn.Module, optimizer: Optimizer, batches: Callable[[int], Sequence[Tensor]]
    ) -> Predictor:
        """What the trained network says; as it stands, unless the weights to be used are others than those it trains.

        Args:
            network: whose parameters the optimiser has, in their order.
            optimizer: as built.
            batches: ``batches(n)`` is n batches of training inputs.
        """
        return log_probabilities(network)

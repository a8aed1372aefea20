"""The exponential moving average of a network, which is steadier than the network."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lab.techniques.technique import Host, Predictor, Technique, TechniquePart, VoiceSpec, log_probabilities
from lab.techniques.update_bn import reestimating
from lab.techniques.value import Value


class Average:
    """A copy of a network that follows it: average ← decay·average + (1 − decay)·network.

    BatchNorm's running statistics are averaged like the weights they belong to; integer buffers are copied. In the
    first steps the decay is at most (1 + t)/(10 + t), so that the random initial weights are soon forgotten.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.follow(network)

    def follow(self, network: nn.Module) -> None:
        """Follow this network, of equal shape, from now on."""
        pairs = list(zip(_tensors(self.network), _tensors(network), strict=True))
        self._mine = [mine for mine, _ in pairs if mine.is_floating_point()]
        self._theirs = [theirs for _, theirs in pairs if theirs.is_floating_point()]
        self._copied = [(mine, theirs) for mine, theirs in pairs if not mine.is_floating_point()]

    def followers(self) -> list[Tensor]:
        """Its weights and statistics."""
        return list(self._mine)

    def update(self, step: int, decay: float) -> None:
        """Follow the network after update number ``step`` (from 0)."""
        self.draw(share(step, decay))

    @torch.no_grad()
    def draw(self, share: Value) -> None:
        """Go this share of the way to the network."""
        weight = [share] * len(self._mine) if isinstance(share, Tensor) else share
        torch._foreach_lerp_(self._mine, self._theirs, weight)
        for mine, theirs in self._copied:
            mine.copy_(theirs)


def share(step: int, decay: float) -> float:
    """How far the average goes towards its network after update number ``step``: 1 − decay, and more in the first."""
    return 1 - min(decay, (1 + step) / (10 + step))


def _tensors(network: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in (*network.parameters(), *network.buffers())]


class Averaging(Technique):
    """The moving average of the network that is trained, scored beside it as ``average``.

    Args:
        host: whose network it follows.
        update_bn: batches on which BatchNorm is estimated anew before it is asked; 0 keeps the averaged statistics.
    """

    def __init__(self, host: Host, update_bn: int = 0) -> None:
        self._average = Average(host.network)
        self._since = self._next = 0
        self._batches = partial(host.batches, update_bn) if update_bn else None
        host.copies.append(list(self._average.network.parameters()))
        host.redrawn.append(self._begin_again)

    def _begin_again(self) -> None:
        """From weights that are drawn anew: nothing of those before is left."""
        self._average.draw(1.0)
        self._since = self._next

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """Follow the network."""
        self._average.update(step - self._since, values["average.decay"])
        self._next = step + 1

    def followers(self) -> Sequence[Tensor]:
        """The average."""
        return self._average.followers()

    def predictors(self) -> Mapping[str, Predictor]:
        """The average."""
        network, batches = self._average.network, self._batches
        return {"average": log_probabilities(network) if batches is None else reestimating(network, batches)}

    def state_dict(self) -> Mapping[str, Any]:
        """The average's weights, and since when it follows."""
        return {"network": self._average.network.state_dict(), "since": self._since, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these."""
        self._average.network.load_state_dict(state["network"])
        self._since, self._next = int(state["since"]), int(state["next"])


class AveragingPart(TechniquePart):
    """The exponential moving average of the weights (Polyak & Juditsky 1992), with the learning rate's decay the
    baseline that a cycle has to beat (arXiv 2502.06761)."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "average.decay": VoiceSpec("share of itself that the average keeps at each step", 0.0, 1.0, 0.999)
    }

    offers: ClassVar[Sequence[str]] = ("average",)

    name: Literal["average"] = "average"
    update_bn: int = Field(
        0,
        ge=0,
        le=10_000,
        description="training batches (of all tasks met) on which BatchNorm is estimated anew; 0 for the average's",
    )

    def build(self, host: Host) -> Averaging:
        """The average begins at the network's own weights."""
        return Averaging(host, self.update_bn)

"""Snapshot ensembles: weights kept at each trough of the learning rate, whose answers are averaged."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lab.errors import UserError
from lab.techniques.diversity import diversity
from lab.techniques.moments import AfterMoment, MomentPart
from lab.techniques.technique import Ask, Host, Predictor
from lab.training.share import Share

Weights = dict[str, Tensor]
"""Parameters and buffers by name."""


class Ensemble:
    """The last so many weights of one network; each says what it thinks only when it is asked.

    Args:
        network: from inputs to logits; whose members these are.
        size: how many members there are at most; the oldest is given up for a new one.

    >>> network = nn.Linear(2, 3)
    >>> ensemble = Ensemble(network, size=2)
    >>> for _ in range(3):
    ...     ensemble.keep()
    >>> len(ensemble.members), ensemble.predict(torch.zeros(5, 2)).shape
    (2, torch.Size([5, 3]))
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        self.network, self.size = network, size
        self.members: list[Weights] = []

    @cached_property
    def _bare(self) -> nn.Module:
        """Its architecture without any weights, as it is when it is first needed: techniques may change it before."""
        bare = copy.deepcopy(self.network).to("meta").eval()
        _tie(bare, self.network)
        return bare

    def keep(self) -> None:
        """The network's weights as they are now become the newest member."""
        kept = {name: tensor.clone() for name, tensor in _tensors(self.network)}
        self.members = [*self.members, kept][-self.size :]

    @torch.no_grad()
    def ask(self, member: Weights, inputs: Tensor) -> Tensor:
        """Log-probabilities float32[n, classes] of one member."""
        return functional.log_softmax(functional_call(self._bare, member, (inputs,)), dim=1)

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> Tensor:
        """The logarithm of the members' mean probabilities, float32[n, classes]; there is at least one member."""
        total = self.ask(self.members[0], inputs)
        for member in self.members[1:]:
            total = torch.logaddexp(total, self.ask(member, inputs))
        return total - math.log(len(self.members))

    def each(self) -> list[Predictor]:
        """Every member alone, the oldest first."""
        return [partial(self.ask, member) for member in self.members]

    def restore(self, members: Sequence[Weights]) -> None:
        """Go on with these members.

        Raises:
            ValueError: they are more than there may be, or of another network.
        """
        own = {name: (tensor.shape, tensor.dtype) for name, tensor in _tensors(self._bare)}
        if len(members) > self.size:
            raise ValueError(f"it has {len(members)} members for a size of {self.size}")
        for member in members:
            if {name: (tensor.shape, tensor.dtype) for name, tensor in member.items()} != own:
                raise ValueError("a member is of another network")
        self.members = [dict(member) for member in members]


def _tie(network: nn.Module, like: nn.Module) -> None:
    """Make one again, within ``network``, of what is one tensor by several names within ``like``."""
    first: dict[Tensor, str] = {}
    named = (like.named_parameters(remove_duplicate=False), like.named_buffers(remove_duplicate=False))
    for name, tensor in (each for some in named for each in some):
        if (other := first.setdefault(tensor, name)) != name:
            (parent, _, own), (source, _, key) = name.rpartition("."), other.rpartition(".")
            setattr(network.get_submodule(parent), own, getattr(network.get_submodule(source), key))


def _tensors(network: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, tensor.detach()) for name, tensor in (*network.named_parameters(), *network.named_buffers())]


class Snapshots(AfterMoment):
    """Keeps the weights of each moment, and scores the members together as ``ensemble``."""

    def __init__(self, part: SnapshotsPart, host: Host) -> None:
        super().__init__(part, host)
        if host.closes:
            raise UserError(
                "probabilities of members cannot be averaged where tasks close classes; incremental: class is accepted"
            )
        self._host = host
        self.ensemble = Ensemble(host.network, part.size)

    def reached(self, step: int) -> None:
        """The weights are a member now."""
        self.ensemble.keep()
        self._host.event("snapshot", step, members=len(self.ensemble.members))

    def predictors(self) -> Mapping[str, Predictor]:
        """The ensemble, once it has a member."""
        return {"ensemble": self.ensemble.predict} if self.ensemble.members else {}

    def scores(self, ask: Ask, labels: Tensor) -> Mapping[str, float]:
        """How different the members are: :func:`lab.techniques.diversity.diversity`."""
        if len(self.ensemble.members) < 2:
            return {}
        return diversity(torch.stack([ask(predictor) for predictor in self.ensemble.each()]), labels)

    def row(self) -> Mapping[str, float]:
        """How many members there are."""
        return {"members": float(len(self.ensemble.members))}

    def state_dict(self) -> Mapping[str, Any]:
        """The members' weights."""
        return {"members": list(self.ensemble.members)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these, on the device."""
        device = self._host.device
        self.ensemble.restore([{name: t.to(device) for name, t in member.items()} for member in state["members"]])


class SnapshotsPart(MomentPart):
    """Snapshot ensembles (Huang et al. 2017, arXiv 1704.00109): the mean of the probabilities of weights kept at the
    troughs of one run. Between warm restarts, ``wave: anneal``, as in the paper; ``of: clock`` keeps them at the end of
    each cycle of the clock, whatever the learning rate does."""

    offers: ClassVar[Sequence[str]] = ("ensemble",)

    name: Literal["snapshots"] = "snapshots"
    size: int = Field(5, ge=1, le=256, description="members at most, the newest ones; each costs a network's memory")

    def check_shared(self, share: Share) -> None:
        """A member is the network that is learned, not what one worker makes of it between two averages."""
        super().check_shared(share)
        if share.apart:
            raise ValueError(
                ": it is not accepted with the voice sync_every, as between averages each worker has weights of its own"
            )

    def build(self, host: Host) -> Snapshots:
        """Without a member, until the first moment."""
        return Snapshots(self, host)

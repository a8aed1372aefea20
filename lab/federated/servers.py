"""What moves the server's weights along the averaged update, one optimiser a part (FedOpt, Reddi et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import nn
from torch.optim import SGD, Adam, Optimizer

from lab.training.parts import Part, Parts
from lab.training.restoring import ADAM


class ServerPart(Part):
    """An optimiser of the server's, whose gradient is the averaged update's negative. Its rate is a voice."""

    moments: ClassVar[Sequence[str]] = ()
    """What it keeps for each parameter; "step" is one number, all else of the parameter's shape."""

    name: str

    @property
    def memories(self) -> Sequence[str]:
        """Those of :attr:`moments` that its settings make use of."""
        return self.moments

    def build(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        """The optimiser."""
        raise NotImplementedError


class SgdServer(ServerPart):
    """v ← momentum·v + Δ, w ← w + lr·v: FedAvg at a rate of 1 and without momentum, else FedAvgM (Hsu et al. 2019)."""

    moments: ClassVar[Sequence[str]] = ("momentum_buffer",)

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last move that is made again")

    @property
    def memories(self) -> Sequence[str]:
        """None without momentum."""
        return self.moments if self.momentum else ()

    def build(self, parameters: Sequence[nn.Parameter]) -> SGD:
        """Torch's SGD."""
        return SGD(parameters, lr=1.0, momentum=self.momentum)


class AdamServer(ServerPart):
    """FedAdam (Reddi et al. 2021): Adam on averaged updates; its rate is about .01, not 1."""

    moments: ClassVar[Sequence[str]] = ADAM

    name: Literal["adam"] = "adam"
    beta1: float = Field(0.9, ge=0, lt=1, description="decay of the mean of updates")
    beta2: float = Field(0.99, ge=0, lt=1, description="decay of the mean of squared updates")
    eps: float = Field(1e-3, gt=0, description="how adaptive it is: τ of Reddi et al.")

    def build(self, parameters: Sequence[nn.Parameter]) -> Adam:
        """Torch's Adam, which corrects the first means as FedAdam does not."""
        return Adam(parameters, lr=1.0, betas=(self.beta1, self.beta2), eps=self.eps)


SERVERS = Parts("server's optimiser", "name", ServerPart, (SgdServer, AdamServer))
"""Every one by its word in a configuration."""

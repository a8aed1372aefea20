"""Weights drawn anew at moments of the clock: by default each cycle is a training of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import nn
from torch.optim import Optimizer

from lab.errors import UserError
from lab.techniques.moments import At, MomentPart
from lab.techniques.technique import CLOCK, Host, Moment, Technique


@torch.no_grad()
def begin_again(network: nn.Module, optimizer: Optimizer, fresh: nn.Module) -> None:
    """Give a network the weights and buffers of a fresh one, and forget what its optimiser remembers.

    Raises:
        UserError: the two are of different shapes.
    """
    own, drawn = network.state_dict(), fresh.state_dict()
    if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in drawn.items()}:
        raise UserError("the network is not of the shape in which it was first drawn: another technique has changed it")
    for name, tensor in own.items():
        tensor.copy_(drawn[name])
    optimizer.state.clear()


class Reset(Technique):
    """Draws the weights anew before the step at which the moment falls, but for the run's first step."""

    def __init__(self, part: ResetPart, host: Host) -> None:
        if host.initialised is None:
            raise UserError("this trainer does not draw weights anew")
        self._host, self._fresh = host, host.initialised
        self._random = host.random("reset")
        self._moment = part.moment(host, self._begin_again, first=1)

    def _begin_again(self, step: int) -> None:
        if step:
            begin_again(self._host.network, self._host.optimizer, self._fresh(self._random))
            for do in self._host.redrawn:
                do()
            self._host.event("reset", step)

    def moments(self) -> Sequence[Moment]:
        """The one of the settings."""
        return (self._moment,)


class ResetPart(MomentPart):
    """Independent trainings, one after the other in one run: weights drawn anew and the optimiser's memory cleared at
    the start of each cycle. With ``snapshots`` at the ends of cycles (``of: clock``) it makes an ensemble of as many
    networks, each trained for one cycle: the deep ensemble (arXiv 1612.01474) that a snapshot ensemble of the same
    budget has to beat. Samples go on being taken in their order."""

    name: Literal["reset"] = "reset"
    at: At = Field("crest", description="crest, trough, or a phase in [0, 1) of the voice's own wave")
    of: str = Field(CLOCK, description="a voice that has a wave; or `clock`, whose crest is its cycle's first step")

    def build(self, host: Host) -> Reset:
        """The run's own weights are those of the first training."""
        return Reset(self, host)

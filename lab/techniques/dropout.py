"""Dropout whose rate is a voice: a tensor, so that compiled code and CUDA graphs see it move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lab.errors import UserError
from lab.phase import targets
from lab.phase.conductor import Target
from lab.techniques.replacing import replaced
from lab.techniques.technique import Host, Technique, TechniquePart, VoiceSpec


class Dropout(nn.Dropout):
    """``nn.Dropout`` whose ``p`` is a tensor: each number is 0 with probability p, else divided by 1 − p.

    Args:
        p: below 1.
    """

    p: Tensor  # type: ignore[assignment]

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)
        del self.p
        self.register_buffer("p", torch.tensor(float(p)), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """As it came in evaluation mode."""
        if not self.training:
            return input
        kept = torch.rand_like(input) >= self.p
        return input * (kept / (1 - self.p)).to(input.dtype)


def with_tensor_rates(network: nn.Module) -> list[Dropout]:
    """Replace each ``nn.Dropout`` within a network by one whose rate is a tensor; return those."""

    def make(module: nn.Module) -> Dropout | None:
        if not isinstance(module, nn.Dropout):
            return None
        return module if isinstance(module, Dropout) else Dropout(module.p)

    return replaced(network, make)


class ConductedDropout(Technique):
    """The rate of all dropout layers of the network that is trained."""

    def __init__(self, host: Host) -> None:
        found = with_tensor_rates(host.network)
        if not found:
            raise UserError("the network has no nn.Dropout; a network with one is needed")
        for layer in found:
            layer.to(host.device)
        self._network = host.network

    def targets(self) -> Mapping[str, Target]:
        """The rates."""
        return {"dropout": targets.modules(self._network, Dropout, "p")}


class DropoutPart(TechniquePart):
    """Dropout (Srivastava et al. 2014), early or late (arXiv 2303.01500): the voice is the rate of every ``nn.Dropout``
    (that of whole channels, ``nn.Dropout2d``, keeps its own)."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {"dropout": VoiceSpec("rate of dropout", 0.0, 0.99)}

    name: Literal["dropout"] = "dropout"

    def build(self, host: Host) -> ConductedDropout:
        """In the place of the rates that the network came with."""
        return ConductedDropout(host)

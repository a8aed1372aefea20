"""Gradient clipping by a conducted norm: small steps where the learning rate is high, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch.nn.utils import clip_grad_norm_

from lab.techniques import Technique, TechniquePart
from lab.techniques.technique import Host, VoiceSpec


class Clipping(Technique):
    """Clips the gradient of all parameters; counts how often it had to."""

    def __init__(self, kind: float, host: Host) -> None:
        self._parameters, self._kind = list(host.network.parameters()), kind
        self._norm, self._clipped = 0.0, 0

    def targets(self) -> Mapping[str, Any]:
        return {"clipping.norm": self._set}

    def _set(self, norm: float) -> None:
        self._norm = norm

    def gradients(self, step: int) -> None:
        self._clipped += bool(clip_grad_norm_(self._parameters, self._norm, self._kind) > self._norm)

    def row(self) -> Mapping[str, float]:
        return {"clipped": float(self._clipped)}

    def state_dict(self) -> Mapping[str, Any]:
        return {"clipped": self._clipped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._clipped = int(state["clipped"])


class ClippingPart(TechniquePart):
    """Pascanu et al. 2013, with the norm a voice."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {"clipping.norm": VoiceSpec("largest norm of the gradient", 0.0, 1e6)}

    kind: Literal[1, 2] = Field(2, description="of norm")

    def build(self, host: Host) -> Clipping:
        return Clipping(float(self.kind), host)

"""Focal loss: samples that the network is already sure of count less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from torch import Tensor

from lab.phase import Target
from lab.techniques.technique import Host, Technique, TechniquePart, VoiceSpec
from lab.techniques.value import Value, on

LEAST = 1e-6
"""1 − p is taken for at least this: the derivative of its power would be infinite at 0 where γ is below 1."""


def focal(losses: Tensor, log_probs: Tensor, labels: Tensor, gamma: Value) -> Tensor:
    """The loss of each sample times (1 − p)^γ, p being its label's probability (Lin et al. 2017, equation 4).

    With cross-entropy as the loss it is −(1 − p)^γ·log p, and cross-entropy again at γ = 0. Gradients pass through
    the weight too.

    Args:
        losses: float32[n].
        log_probs: float32[n, classes].
        labels: int64[n].
        gamma: at least 0; in the paper 2.
    """
    if not on(gamma):
        return losses
    rest = -log_probs.gather(1, labels[:, None])[:, 0].expm1()
    return losses * rest.clamp_min(LEAST) ** gamma


class Focal(Technique):
    """Weighs losses by the voice ``focal.gamma``."""

    def __init__(self) -> None:
        self._gamma: Value = 0.0

    def targets(self) -> Mapping[str, Target]:
        """γ of the step."""
        return {"focal.gamma": self._set}

    def _set(self, gamma: float) -> None:
        self._gamma = gamma

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """As :func:`focal` says."""
        return focal(losses, log_probs, labels, self._gamma)


class FocalPart(TechniquePart):
    """Focal loss (Lin et al. 2017); with γ as a schedule a relative of cyclical focal loss (arXiv 2202.08978)."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "focal.gamma": VoiceSpec("power by which sure answers count less; 0 is cross-entropy", 0.0, 20.0, 2.0)
    }

    name: Literal["focal"] = "focal"

    def build(self, host: Host) -> Focal:
        """It has no state but the voice."""
        return Focal()

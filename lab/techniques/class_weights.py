"""Class weights: the rarer a class, the more each of its samples counts, by as much as a voice says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from lab.phase import Follower, Target
from lab.phase.voice import Voice
from lab.techniques.class_counts import counted
from lab.techniques.technique import Host, Technique, TechniquePart, VoiceSpec
from lab.techniques.value import Value, on

Kind = Literal["inverse", "effective"]


def class_weights(counts: Tensor, kind: Kind = "inverse", beta: float = 0.9999) -> Tensor:
    """The weight of a sample of each class, float64[classes]; over all training samples their mean is 1.

    Inverse: ∝ 1/n_c, so that every class counts alike (scikit-learn's "balanced"). Effective: ∝ (1 − β)/(1 − β^n_c),
    by the effective number of samples (Cui et al. 2019, equation 2): 1/n_c for β → 1, equal weights for β = 0.

    Args:
        counts: training samples of each class, int64[classes].
        kind: of the two.
        beta: of the second, in [0, 1).

    Raises:
        UserError: a class has no training sample.
    """
    n = counted(counts)
    rarity = 1 / n if kind == "inverse" else (1 - beta) / -torch.expm1(n * torch.log(torch.tensor(beta, dtype=n.dtype)))
    return rarity * (n.sum() / (rarity * n).sum())


def weighted(losses: Tensor, labels: Tensor, weights: Tensor, strength: Value) -> Tensor:
    """The loss of each sample times 1 + strength·(weight − 1): equal weights at strength 0, the full ones at 1.

    As the mean weight of a training sample is 1 at every strength, the strength does not change how large a step is on
    the whole.

    Args:
        losses: float32[n].
        labels: int64[n].
        weights: float32[classes], of :func:`class_weights`.
        strength: in [0, 1].
    """
    if not on(strength):
        return losses
    return losses * (1 + strength * (weights - 1))[labels]


class ClassWeights(Technique):
    """Weighs losses by class, by the voice ``class_weights.strength``."""

    def __init__(self, weights: Tensor) -> None:
        self._weights = weights
        self._strength: Value = 0.0

    def targets(self) -> Mapping[str, Target]:
        """The strength of the step."""
        return {"class_weights.strength": self._set}

    def _set(self, strength: float) -> None:
        self._strength = strength

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """As :func:`weighted` says."""
        return weighted(losses, labels, self._weights, self._strength)


class ClassWeightsPart(TechniquePart):
    """Weights by class, constant or conducted.

    In anti-phase to the learning rate, ``{follow: lr, relation: anti_phase, low: 0, high: 1}``, rare classes count
    while steps are small. Deferred reweighting (Cao et al. 2019) is a step of the voice at ``drw_start``, from which on
    the full weights hold: in a run of T steps, for a ``drw_start`` of a half or more,
    ``{wave: square, inverted: true, low: 0, high: 1, clock: {period: 2·drw_start·T, cycles: 1}}``.
    """

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "class_weights.strength": VoiceSpec("strength of the class weights, from equal ones to the full", 0.0, 1.0, 1.0)
    }

    name: Literal["class_weights"] = "class_weights"
    kind: Kind = Field(
        "inverse", description="inverse: ∝ 1/n of a class; effective: by its effective number of samples"
    )
    beta: float = Field(0.9999, ge=0, lt=1, description="of the effective number (1 − β^n)/(1 − β)")

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """β is of the effective number."""
        if self.kind == "inverse":
            self.refuse_unread("by kind: inverse", "beta")

    def build(self, host: Host) -> ClassWeights:
        """The weights follow from the host's counts.

        Raises:
            UserError: a class has no training sample.
        """
        weights = class_weights(host.counts, self.kind, self.beta)
        return ClassWeights(weights.to(host.device, torch.float32))

"""Label smoothing whose strength is a voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lab.phase import targets
from lab.phase.conductor import Target
from lab.techniques.technique import CLOSED, Host, Technique, TechniquePart, VoiceSpec
from lab.techniques.value import Value


def smoothed(losses: Tensor, log_probs: Tensor, smoothing: Value) -> Tensor:
    """(1 − ε)·loss + ε·mean over classes of −log p (Szegedy et al. 2016, section 7).

    Of cross-entropy this is ``functional.cross_entropy(…, label_smoothing=ε)``.

    Args:
        losses: of each sample, float32[n].
        log_probs: log-probabilities float32[n, classes].
        smoothing: ε in [0, 1].
    """
    return losses + smoothing * (-log_probs.mean(dim=1) - losses)


def smoothed_over_open(losses: Tensor, log_probs: Tensor, smoothing: Value) -> Tensor:
    """The same, but that labels are spread over those classes only that are not closed to a sample."""
    is_open = log_probs > CLOSED / 2
    mean = torch.where(is_open, log_probs, 0).sum(dim=1) / is_open.sum(dim=1)
    return losses + smoothing * (-mean - losses)


class Smoothing(Technique):
    """A share of each label is spread over all classes that a sample may be of."""

    def __init__(self, host: Host) -> None:
        self._share = torch.zeros((), device=host.device)
        self._smoothed = smoothed_over_open if host.closes else smoothed

    def targets(self) -> Mapping[str, Target]:
        """The share."""
        return {"smoothing": targets.buffer(self._share)}

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """As :func:`smoothed`, of the loss that the techniques before left."""
        return self._smoothed(losses, log_probs, self._share)


class SmoothingPart(TechniquePart):
    """Label smoothing (Szegedy et al. 2016); it may trade likelihood against calibration: look at nll and ece."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "smoothing": VoiceSpec("share of a label that is spread over all classes", 0.0, 1.0, 0.1)
    }

    name: Literal["smoothing"] = "smoothing"

    def build(self, host: Host) -> Smoothing:
        """Of any classifier."""
        return Smoothing(host)

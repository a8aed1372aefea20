"""Logit adjustment: what training learned of the classes' frequencies is taken out of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from lab.phase import Target
from lab.techniques.class_counts import counted
from lab.techniques.technique import Host, Predictor, Technique, TechniquePart, VoiceSpec, log_probabilities

Form = Literal["loss", "post_hoc"]
TAU = "logit_adjustment.tau"


def log_priors(counts: Tensor) -> Tensor:
    """log π_c, float64[classes], of the classes' shares π of the training samples.

    Raises:
        UserError: a class has none.
    """
    n = counted(counts)
    return (n / n.sum()).log()


def adjusted(log_probs: Tensor, priors: Tensor, tau: float) -> Tensor:
    """Log-probabilities ∝ log p − τ·log π, float32[n, classes] (Menon et al. 2021, equation 9): post hoc.

    Args:
        log_probs: float32[n, classes], of a network that was trained on these priors.
        priors: :func:`log_priors`, float32[classes].
        tau: 1 answers for equal classes, 0 leaves all as it is.
    """
    return functional.log_softmax(log_probs - tau * priors, dim=1)


class LossAdjustment(Technique):
    """Adds τ·log π to the logits that the loss sees (Menon et al. 2021, equation 10); answers are given without it.

    So the network's own answers are the adjusted ones, and are scored as ``adjusted`` too.
    """

    def __init__(self, host: Host, priors: Tensor) -> None:
        self._own = host.answers or partial(log_probabilities, host.network)
        self._priors = priors
        self._tau = 0.0

    def targets(self) -> Mapping[str, Target]:
        """τ of the step."""
        return {TAU: self._set}

    def _set(self, tau: float) -> None:
        self._tau = tau

    def logits(self, logits: Tensor) -> Tensor:
        """With the priors."""
        return logits + self._tau * self._priors if self._tau else logits

    def predictors(self) -> Mapping[str, Predictor]:
        """What the network says."""
        return {"adjusted": self._own()}


class PostHocAdjustment(Technique):
    """Scores the network's adjusted answers beside its own, as ``adjusted``; training is left as it is."""

    def __init__(self, host: Host, priors: Tensor) -> None:
        self._own = host.answers or partial(log_probabilities, host.network)
        self._priors = priors
        self._tau = 0.0

    def targets(self) -> Mapping[str, Target]:
        """τ of the last step."""
        return {TAU: self._set}

    def _set(self, tau: float) -> None:
        self._tau = tau

    def predictors(self) -> Mapping[str, Predictor]:
        """What the network says, adjusted."""
        own = self._own()
        return {"adjusted": lambda inputs: adjusted(own(inputs), self._priors, self._tau)}

    def state_dict(self) -> Mapping[str, Any]:
        """τ, for scores between a resume and the next step."""
        return {"tau": self._tau}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Score with it."""
        self._tau = float(state["tau"])


class LogitAdjustmentPart(TechniquePart):
    """Logit adjustment (Menon et al. 2021): consistent for the balanced error, in the loss or after training."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        TAU: VoiceSpec("how much of the classes' frequencies is taken out; 1 answers for equal classes", 0.0, 10.0, 1.0)
    }

    offers: ClassVar[Sequence[str]] = ("adjusted",)

    name: Literal["logit_adjustment"] = "logit_adjustment"
    form: Form = Field(
        "loss", description="loss: trained with; post_hoc: scored with, beside the network's own answers"
    )

    def build(self, host: Host) -> Technique:
        """The priors follow from the host's counts.

        Raises:
            UserError: a class has no training sample.
        """
        priors = log_priors(host.counts).to(host.device, torch.float32)
        forms: Mapping[str, Callable[[], Technique]] = {
            "loss": lambda: LossAdjustment(host, priors),
            "post_hoc": lambda: PostHocAdjustment(host, priors),
        }
        return forms[self.form]()

"""Weight decay that follows the learning rate to the power 0, 1 or 2, at an equal total over a cycle; 1 is AdamW's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from lab.phase import Follower
from lab.phase.conductor import Target
from lab.phase.voice import Voice
from lab.techniques.technique import Host, Technique, TechniquePart, VoiceSpec
from lab.techniques.value import Value

RATE = "lr"
"""The voice whose moments make the totals equal."""
DEFAULT = 0.01
"""The decay of torch's AdamW."""


def factor(rate: Voice, power: int) -> float:
    """mean(lr) / mean(lr^power) over a cycle: what makes the total of :func:`share` the same for every power.

    Raises:
        ValueError: the learning rate's mean, or that of its square, is not above 0.
    """
    if power == 1:
        return 1.0
    if not ((mean := rate.mean()) > 0 and rate.rms() ** 2 > 0):
        raise ValueError(f"power {power} needs a learning rate whose mean is above 0, and not {mean:g}")
    return mean if power == 0 else mean / rate.rms() ** 2


def share(decay: float, rate: float, power: int, scale: float) -> float:
    """The share of itself that a weight loses in a step: decay · scale · lr^power; ``scale`` is :func:`factor`."""
    return decay * scale * rate**power


@torch.no_grad()
def shrink(weights: Sequence[Tensor], part: Value) -> None:
    """θ ← (1 − part)·θ (Loshchilov & Hutter 2019, algorithm 2)."""
    torch._foreach_mul_(list(weights), 1 - part)


@torch.no_grad()
def pull(weights: Sequence[Tensor], decay: float) -> None:
    """∇ ← ∇ + decay·θ: the gradient of decay/2·|θ|², which the optimiser then treats as any other."""
    torch._foreach_add_([weight.grad for weight in weights], list(weights), alpha=decay)  # type: ignore[misc]


class WeightDecay(Technique):
    """Shrinks weights just before the optimiser's step, as AdamW does, or adds to their gradients."""

    def __init__(self, part: WeightDecayPart, host: Host) -> None:
        self._part, self._optimizer = part, host.optimizer
        self._shrink = host.shrink or _plainly
        rate = host.voices[RATE]
        self._scale = 1.0 if isinstance(rate, Follower) else factor(rate, part.power)
        self._decay = 0.0

    def targets(self) -> Mapping[str, Target]:
        """The strength."""
        return {"weight_decay": self._set}

    def _set(self, value: float) -> None:
        self._decay = value

    def gradients(self, step: int) -> None:
        """Act on the weights that the optimiser is about to move, each group by its own learning rate."""
        for group in self._optimizer.param_groups:
            weights = [weight for weight in group["params"] if self._acts_on(weight)]
            if not weights:
                continue
            if self._part.coupled:
                pull(weights, self._decay)
            else:
                # The scale is that of the voice; a group whose rate is a factor of it has its totals equal, too.
                scale = self._scale * group.get("factor", 1.0) ** (1 - self._part.power)
                self._shrink(group, weights, share(self._decay, group["lr"], self._part.power, scale))

    def _acts_on(self, weight: Tensor) -> bool:
        return weight.grad is not None and (weight.ndim >= 2 or self._part.vectors)


def _plainly(group: Mapping[str, Any], weights: Sequence[Tensor], part: float) -> None:
    shrink(weights, part)


class WeightDecayPart(TechniquePart):
    """Weight decay, decoupled from the gradient: θ ← (1 − weight_decay·lr)·θ (Loshchilov & Hutter 2019).

    With ``power`` the share that weights lose is ∝ lr^power, scaled so that its total over a cycle of the learning rate
    is the same: 0 is a constant share, 1 AdamW's, 2 what keeps the weights' norm steady (arXiv 2506.02285, 2512.08217).
    It is scaled by the voice ``lr``, and does not know of voices that a group has of its own.
    """

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "weight_decay": VoiceSpec("weight decay, which the learning rate multiplies", 0.0, 1e6, DEFAULT)
    }

    name: Literal["weight_decay"] = "weight_decay"
    power: Literal[0, 1, 2] = Field(1, description="of the learning rate, that the share is proportional to")
    coupled: bool = Field(False, description="add weight_decay·θ to the gradient (L2) in the place of shrinking")
    vectors: bool = Field(False, description="also biases and the scales of normalisation: all of one dimension")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> WeightDecayPart:
        if self.coupled and self.power != 1:
            raise ValueError(
                f"power: {self.power} is not accepted with coupled, where the optimiser gives the share; 1 is"
            )
        return self

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """A share of at most all, and a power that there are moments for."""
        rate = voices[RATE]
        if isinstance(rate, Follower) and self.power != 1:
            raise ValueError(f"power {self.power} needs the mean of lr, which follows {rate.source!r}; 1 is accepted")
        decay = voices.get("weight_decay")
        strongest = DEFAULT if decay is None else decay.high
        scale = 1.0 if isinstance(rate, Follower) else factor(rate, self.power)
        highest = max(voice.high for name, voice in voices.items() if name == RATE or name.startswith(f"{RATE}."))
        most = share(strongest, highest, self.power, scale)
        if not self.coupled and most > 1:
            raise ValueError(
                f"a step could take {most:.3g} of a weight; lower voices.weight_decay to {strongest / most:.3g}"
            )

    def build(self, host: Host) -> WeightDecay:
        """Of whatever the optimiser trains."""
        return WeightDecay(self, host)

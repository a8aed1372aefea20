"""A level that answers to plateaus of the training loss: a bump at each, or a reduction; voices follow it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from lab.phase import Follower
from lab.phase.voice import Voice
from lab.techniques.technique import Host, Technique, TechniquePart

LEVEL = "plateau"


class Plateau:
    """Tells from a series of values, the less the better, when it has stopped falling.

    The rule of torch's ``ReduceLROnPlateau`` (mode "min", relative threshold): a value is better if it is below
    best·(1 − threshold); after more than ``patience`` values that are not, a plateau is told, and the count begins anew
    once ``cooldown`` values have passed.

    Args:
        patience: values in a row that may be no better.
        threshold: by which share a value must be below the best.
        cooldown: values after a plateau that are not counted.
    """

    def __init__(self, patience: int, threshold: float, cooldown: int = 0) -> None:
        self.patience, self.threshold, self.cooldown = patience, threshold, cooldown
        self.best, self.bad, self.cooling = math.inf, 0, 0

    def saw(self, value: float) -> bool:
        """Whether the series stands on a plateau with this value, its next."""
        if value < self.best * (1 - self.threshold):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.cooling:
            self.cooling -= 1
            self.bad = 0
        if self.bad <= self.patience:
            return False
        self.cooling, self.bad = self.cooldown, 0
        return True

    def forget(self) -> None:
        """What was best counts no more: the next value is the first."""
        self.best, self.bad = math.inf, 0

    def state_dict(self) -> dict[str, Any]:
        """Best value, and the counts."""
        return {"best": self.best if math.isfinite(self.best) else None, "bad": self.bad, "cooling": self.cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.best = math.inf if state["best"] is None else float(state["best"])
        self.bad, self.cooling = int(state["bad"]), int(state["cooling"])


class Answer(Protocol):
    """How a level answers to plateaus."""

    def begin(self, step: int) -> None:
        """A plateau was told; ``step`` is the first that may be different."""

    def level(self, step: int) -> float:
        """In [0, 1]."""

    def busy(self, step: int) -> bool:
        """Whether what the loss does at this step is its own doing, and tells of no plateau."""

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""


class Bump:
    """A triangle from 0 to 1 and back over ``length`` steps, begun by each plateau; 0 otherwise.

    >>> bump = Bump(length=4)
    >>> bump.begin(10)
    >>> [bump.level(step) for step in range(9, 16)]
    [0.0, 0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._began: int | None = None

    def begin(self, step: int) -> None:
        """Rise from this step on."""
        self._began = step

    def level(self, step: int) -> float:
        """1 in its middle."""
        return 1 - abs(1 - 2 * (step - (self._began or 0)) / self.length) if self.busy(step) else 0.0

    def busy(self, step: int) -> bool:
        """Until it is over."""
        return self._began is not None and 0 <= step - self._began < self.length

    def state_dict(self) -> dict[str, Any]:
        """When it began."""
        return {"began": self._began}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._began = None if state["began"] is None else int(state["began"])


class Reduction:
    """A level of 1 that each plateau multiplies by ``factor``.

    >>> reduction = Reduction(factor=0.5)
    >>> reduction.begin(10)
    >>> reduction.level(10)
    0.5
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._level = 1.0

    def begin(self, step: int) -> None:
        """Lower."""
        self._level *= self.factor

    def level(self, step: int) -> float:
        """The product of the factors so far."""
        return self._level

    def busy(self, step: int) -> bool:
        """Never."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """The level."""
        return {"level": self._level}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._level = float(state["level"])


class Answering(Technique):
    """Watches the training loss and lends its level, ``plateau``, to the voices that follow it.

    The loss is that of the batches, as the techniques before this one leave it, in means of ``every`` steps: only then
    is the device waited for. A bump's own steps are not judged, and what was best before it counts no more.
    """

    def __init__(self, watch: Plateau, answer: Answer, every: int, host: Host, until: int | None = None) -> None:
        self._watch, self._answer, self._every, self._host = watch, answer, every, host
        self._until = math.inf if until is None else until
        self._sum = torch.zeros((), device=host.device)
        self._next, self._plateaus = 0, 0
        self._begun = 0
        self._fresh = (watch.state_dict(), answer.state_dict())
        host.redrawn.append(self._begin_again)

    def _begin_again(self) -> None:
        """From weights that are drawn anew: the series begins, and the level is what it was at first."""
        watch, answer = self._fresh
        self._watch.load_state_dict(watch)
        self._answer.load_state_dict(answer)
        self._sum.zero_()
        self._begun = self._next

    def levels(self) -> Mapping[str, float]:
        """Of the next step."""
        return {LEVEL: self._answer.level(self._next)}

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """Left as it is, and taken in."""
        self._sum += losses.detach().mean()
        return losses

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """Look at the mean where one is complete."""
        self._next = step + 1
        if self._next % self._every:
            return
        mean = float(self._sum) / self._every
        self._sum.zero_()
        if self._next - self._every < self._begun:  # a mean of the steps since the weights were drawn alone
            return
        if self._answer.busy(self._next - self._every):  # a bump begins with a mean, and may end within one
            self._watch.forget()
        elif self._watch.saw(mean) and self._next < self._until:
            self._plateaus += 1
            self._answer.begin(self._next)
            self._host.event("plateau", self._next, loss=mean, level=self._answer.level(self._next))

    def row(self) -> Mapping[str, float]:
        """The level, and how many plateaus there were."""
        return {"level": self._answer.level(self._next), "count": float(self._plateaus)}

    def state_dict(self) -> Mapping[str, Any]:
        """The series and the answer to it."""
        return {
            "sum": self._sum,
            "next": self._next,
            "plateaus": self._plateaus,
            "begun": self._begun,
            "watch": self._watch.state_dict(),
            "answer": self._answer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._sum.copy_(state["sum"])
        self._next, self._plateaus = int(state["next"]), int(state["plateaus"])
        self._begun = int(state["begun"])
        self._watch.load_state_dict(state["watch"])
        self._answer.load_state_dict(state["answer"])


class PlateauPart(TechniquePart):
    """A level for voices to follow, ``{follow: plateau, relation: in_phase, low: …, high: …}``.

    It is 0 but for a triangle after each plateau (``bump``), or 1 and multiplied by a factor at each (``reduce``, as
    torch's ReduceLROnPlateau). What is watched is the training loss: the held-out part is what runs are scored on.
    """

    measured: ClassVar[Sequence[str]] = (LEVEL,)

    name: Literal["plateau"] = "plateau"
    answer: Literal["bump", "reduce"] = Field("bump", description="what a plateau does to the level")
    every: int = Field(50, ge=1, le=1_000_000, description="steps whose mean loss is one value of the series")
    patience: int = Field(4, ge=0, le=1_000_000, description="values in a row that may be no better")
    threshold: float = Field(1e-3, ge=0, lt=1, description="share by which a value must be below the best to be better")
    cooldown: int = Field(0, ge=0, le=1_000_000, description="values after a plateau that are not counted")
    length: int = Field(500, ge=2, le=1_000_000_000, description="steps of a bump")
    until: int | None = Field(
        None, ge=1, le=10**12, description="no plateau is answered from this step on, e.g. so that the last bump ends"
    )
    factor: float = Field(0.1, gt=0, lt=1, description="of a reduction")

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """Some voice must follow it, and what is said must be of its answer."""
        self.refuse_unread(f"by answer: {self.answer}", "factor" if self.answer == "bump" else "length")
        if not any(isinstance(voice, Follower) and voice.source == LEVEL for voice in voices.values()):
            raise ValueError("no voice follows it; give one {follow: plateau, relation: in_phase, low: …, high: …}")

    def build(self, host: Host) -> Answering:
        """At its first value."""
        answers: Mapping[str, Callable[[], Answer]] = {
            "bump": lambda: Bump(self.length),
            "reduce": lambda: Reduction(self.factor),
        }
        watch = Plateau(self.patience, self.threshold, self.cooldown)
        return Answering(watch, answers[self.answer](), self.every, host, self.until)

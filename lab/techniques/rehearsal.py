"""Rehearsal: samples of the past are learned from again, as many at each step as a voice says.

The voice ``rehearsal.share`` is the gate: a pulse at the crest or the trough of the learning rate, in proportion to it
(``follow: lr``), a number for uniform replay, 0 for none, a pulse at the end of a task by a clock of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from lab.errors import UserError
from lab.phase import Target
from lab.techniques.reservoir import Reservoir
from lab.techniques.technique import Batch, Host, Technique, TechniquePart, VoiceSpec

ROUNDING = 1e-6
"""What amounts owed may lack of a whole number by the rounding of floats."""


class Owed:
    """Turns a stream of amounts into whole numbers whose sum is the amounts' sum, rounded down: nothing is lost.

    >>> owed = Owed()
    >>> [owed.settle(0.4) for _ in range(5)]
    [0, 0, 1, 0, 1]
    """

    def __init__(self) -> None:
        self.amount = 0.0

    def settle(self, amount: float, now: bool = True) -> int:
        """How many whole ones are due, as ``amount`` more is owed; none ``now`` leaves all of it owed."""
        self.amount += amount
        due = math.floor(self.amount + ROUNDING) if now else 0
        self.amount -= due
        return due


class Rehearsal(Technique):
    """Experience replay (Chaudhry et al. 2019, "tiny episodic memories") with a conducted share.

    A step's replayed samples are drawn from what the reservoir held before it; then its new samples are offered. So
    no sample is replayed in the step that brings it, and what is owed at the very first step is paid in the second.
    """

    def __init__(self, size: int, per_new: bool, host: Host) -> None:
        # Two generators: what is kept does not depend on how much is replayed when, and is alike in all arms.
        self.reservoir = Reservoir(size, host.random("rehearsal.keep"))
        self._random = host.random("rehearsal.replay")
        self._host, self._per_new = host, per_new
        self._owed = Owed()
        self._share = 0.0
        self._replayed = 0

    def targets(self) -> Mapping[str, Target]:
        """The gate."""
        return {"rehearsal.share": self._open}

    def _open(self, share: float) -> None:
        self._share = share

    def batch(self, batch: Batch, step: int) -> Batch:
        """The new samples, and after them those replayed."""
        due = self._owed.settle(self._share * self._host.batch_size, now=len(self.reservoir) > 0)
        whole = batch.joined(self._again(due, batch)) if due else batch
        self.reservoir.offer(*_columns(batch))
        self._replayed += due
        return replace(whole, weight=len(whole) / len(batch)) if due and self._per_new else whole

    def _again(self, n: int, like: Batch) -> Batch:
        samples, labels, *tasks = self.reservoir.draw(n, self._random)
        own = tasks[0] if tasks else None
        if like.stored is None:
            return Batch(samples, labels, own)
        return Batch(self._host.prepare(samples), labels, own, samples)

    def row(self) -> Mapping[str, float]:
        """How many samples were replayed so far, and how many are held."""
        return {"replayed": float(self._replayed), "held": float(len(self.reservoir))}

    def state_dict(self) -> Mapping[str, Any]:
        """What is held and what is owed."""
        return {"reservoir": self.reservoir.state_dict(), "owed": self._owed.amount, "replayed": self._replayed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these."""
        self.reservoir.load_state_dict(state["reservoir"], self._host.device)
        self._owed.amount, self._replayed = float(state["owed"]), int(state["replayed"])


def _columns(batch: Batch) -> tuple[Tensor, ...]:
    """What is kept of a batch: the samples as the data set holds them, where that is known."""
    samples = batch.inputs if batch.stored is None else batch.stored
    return (samples, batch.labels) if batch.tasks is None else (samples, batch.labels, batch.tasks)


class RehearsalPart(TechniquePart):
    """Replay from a reservoir of what was learned before; list it before what changes inputs, such as augmentation."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "rehearsal.share": VoiceSpec("replayed samples of a step as a share of batch_size", 0.0, 4.0, 1.0)
    }

    name: Literal["rehearsal"] = "rehearsal"
    buffer_size: int = Field(
        500, ge=1, le=100_000_000, description="samples that the reservoir holds; of several workers, each its own"
    )
    mean_over: Literal["new", "all"] = Field(
        "new",
        description="what the sum of the losses of new and replayed samples is divided by: the number of new ones, so "
        "that a replayed sample counts the same at every step, or of all, so that new ones count less beside it",
    )

    def build(self, host: Host) -> Rehearsal:
        """An empty reservoir.

        Raises:
            UserError: it would hold more than all training samples.
        """
        samples = int(host.counts.sum())
        if self.buffer_size > samples:
            raise UserError(
                f"buffer_size: {self.buffer_size:,} is not accepted; at most {samples:,} is, all training samples"
            )
        return Rehearsal(self.buffer_size, self.mean_over == "new", host)

"""Self-paced learning: a Gaussian over contexts moves to the target as fast as the agent's performance allows.

Klink, D'Eramo, Peters and Pajarinen, "Self-Paced Deep Reinforcement Learning" (NeurIPS 2020, arXiv 2004.11812), eq. 5,
in the constrained form of Klink et al., "A Probabilistic Interpretation of Self-Paced Learning with Applications to
Reinforcement Learning" (JMLR 22:182, 2021), which the authors' code (psclklnk/spdl) solves too, with the first bound
the other way round, on KL(p ‖ q). With p the present distribution, μ the target's, and the last K episodes in contexts
c_k drawn from p with performance v_k, the next q is

    min KL(q ‖ μ)    subject to    KL(q ‖ p) ≤ max_kl    and    J(q) = 1/K Σ q(c_k)/p(c_k)·v_k ≥ threshold

where mean v reaches the threshold. Until it has done so once, q maximises J(q) within KL(q ‖ p) ≤ max_kl instead; later
it stays where it falls below. The standard deviations never become less than the smaller of the two given.

The paper's v is the value function's; here it is the episode's own outcome. Draws outside [0, 1] are clipped, as in the
authors' code. Episodes that p could hardly have asked for (beyond its ``INSIDE`` ellipsoid: begun under an earlier
distribution, or rehearsed) are left out, since their weights q/p would say nothing.

Where the threshold does not bind, q is known: natural parameters between those of p and μ, q ∝ p^(1−t)·μ^t, with t
where the divergence from p is max_kl, or 1. A test holds the optimiser to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.gaussian import Gaussian
from curricula.teachers.moves import Move
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes, Measure
from lab.errors import UserError

INSIDE = 0.999
"""The share of its own draws that a distribution recognises."""


@dataclass
class SelfPaced:
    """Move a Gaussian over contexts towards the target's.

    Attributes:
        axes: how many axes a context has; with one the teacher answers float64[n], with more float64[n, axes].
        threshold: the performance to keep, in the units of ``measure``.
        every: K, episodes between two updates.
        max_kl: how far an update may go, in nats, > 0.
        start: the mean on each axis at first.
        start_std: its standard deviation.
        target: the mean on each axis in the end.
        target_std: its standard deviation.
        measure: what counts as performance.
    """

    axes: int = 1
    threshold: float = 0.7
    every: int = 50
    max_kl: float = 0.05
    start: float = 0.0
    start_std: float = 0.2
    target: float = 1.0
    target_std: float = 0.1
    measure: Measure = "success"
    present: Gaussian = field(init=False)
    reached: bool = field(default=False, init=False)
    contexts: list[list[float]] = field(default_factory=list, init=False)
    scores: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Check the settings and begin at the start."""
        whole("axes", self.axes, 1)
        whole("every", self.every, 2)
        for name in ("start", "target", "start_std", "target_std"):
            number(name, getattr(self, name), 0.0, 1.0)
        for name in ("start_std", "target_std", "max_kl"):
            if number(name, getattr(self, name)) <= 0:
                raise UserError(f"{name} is {getattr(self, name)}; accepted: a number above 0")
        number("threshold", self.threshold)
        self.present = Gaussian.round(self.start, self.start_std, self.axes)

    @property
    def level(self) -> float:
        """The mean difficulty of a draw."""
        return self.present.clipped_mean()

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n independent draws."""
        contexts = self.present.draw(rng, n)
        return contexts[:, 0] if self.axes == 1 else contexts

    def update(self, results: Episodes) -> None:
        """Take note of the episodes one by one; move where it is time to."""
        for context, score in zip(results.contexts(self.axes), results.scores(self.measure).tolist(), strict=True):
            if self._recognises(context):
                self.contexts.append(context.tolist())
                self.scores.append(score)
            if len(self.scores) == self.every:
                self._move(np.array(self.contexts), np.array(self.scores))
                self.contexts, self.scores = [], []

    def _recognises(self, context: FloatArray) -> bool:
        """Whether the present distribution asks for such a context."""
        from scipy.special import chdtri

        return float(np.square(self.present.whitened(context[None])).sum()) <= float(chdtri(self.axes, 1.0 - INSIDE))

    def _move(self, contexts: FloatArray, scores: FloatArray) -> None:
        """The next distribution."""
        enough = float(scores.mean()) >= self.threshold
        if self.reached and not enough:
            return
        self.reached = enough
        move = Move(self.present, contexts, scores, self.max_kl, min(self.start_std, self.target_std))
        target = Gaussian.round(self.target, self.target_std, self.axes)
        self.present = move.towards(target, self.threshold) if enough else move.to_better()

    def state_dict(self) -> dict[str, Any]:
        """The distribution, whether the threshold was ever reached, and the episodes since the last update."""
        return {
            "present": self.present.to_state(),
            "reached": self.reached,
            "contexts": [list(context) for context in self.contexts],
            "scores": list(self.scores),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the distribution and the episodes."""
        self.present, self.reached = Gaussian.from_state(state["present"]), bool(state["reached"])
        self.contexts = [list(map(float, context)) for context in state["contexts"]]
        self.scores = list(map(float, state["scores"]))


class SelfPacedCurriculum(TeacherConfig):
    """Self-paced learning over all axes of the task at once."""

    kind: Literal["self_paced"]
    threshold: float = Field(0.7, description="the performance to keep, in the units of measure")
    every: int = Field(50, ge=2, le=10_000, description="episodes between two updates of the distribution")
    max_kl: float = Field(0.05, gt=0.0, description="how far an update may go, in nats")
    start: Level = Field(0.0, description="the mean difficulty at first")
    start_std: float = Field(0.2, gt=0.0, le=1.0, description="its standard deviation")
    target: Level = Field(1.0, description="the mean difficulty in the end")
    target_std: float = Field(0.1, gt=0.0, le=1.0, description="its standard deviation")
    measure: Measure = Field("success", description="what an episode counts: 1 for a success, or its return")

    def build(self) -> SelfPaced:
        """For one number."""
        return self.build_for(())

    def build_for(self, axes: Sequence[str]) -> SelfPaced:
        """A teacher at the start, whose contexts have every axis of the task."""
        return SelfPaced(axes=max(len(axes), 1), **self.settings())

"""ALP-GMM: episodes where the agent's return changes most, found by a Gaussian mixture over contexts and progress.

Portelas, Colas, Hofmann and Oudeyer, "Teacher algorithms for curriculum learning of deep RL in continuously
parameterized environments" (CoRL 2019, arXiv 1910.07224). The absolute learning progress of an episode in context c
with return r is, with r' the return of the earlier episode in the nearest context,

    alp = |r − r'|

Every ``fit_every`` episodes a mixture is fitted to the last ``fit_every`` points (c, alp), with 2 to ``gaussians``
components, of which Akaike's criterion chooses. A share ``random`` of the episodes is uniform over all contexts; for
each other one a component is drawn in proportion to its mean alp, and a context from that component. Before the first
fit all are uniform. N = 250 and a share of 0.2 are the paper's. A fit takes some 60 ms on one core: little beside 250
episodes of hundreds of steps, a quarter of PPO's time where they have twenty.

The paper scales returns by known bounds; here progress is fitted in units of the range of the returns remembered, which
asks the user for nothing (which component is drawn does not depend on the unit). Of equally near episodes the last
counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curricula.difficulty import FloatArray, number, whole
from curricula.teachers.gaussian import Gaussian
from curricula.teachers.part import Level, TeacherConfig
from curricula.teachers.teacher import Episodes, Measure


@dataclass(frozen=True)
class Mixture:
    """What is drawn from: components over contexts, and the probability of each, float64[k]."""

    chances: FloatArray
    components: tuple[Gaussian, ...]

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n draws, float64[n, axes]."""
        which: NDArray[np.int64] = rng.choice(len(self.components), size=n, p=self.chances)
        drawn = np.stack([component.draw(rng, n) for component in self.components])
        return drawn[which, np.arange(n)]

    def mean(self) -> float:
        """The mean difficulty of a draw."""
        means = np.array([component.clipped_mean() for component in self.components])
        return float(self.chances @ means)


@dataclass
class LearningProgress:
    """Play where absolute learning progress is high.

    Attributes:
        axes: how many axes a context has; with one the teacher answers float64[n], with more float64[n, axes].
        fit_every: episodes between two fits, and points in each, ≥ gaussians.
        gaussians: the most components that are tried, ≥ 2.
        random: the share of contexts drawn uniformly.
        memory: how many episodes are remembered to find the nearest among, ≥ 1.
        measure: what counts as return.
    """

    axes: int = 1
    fit_every: int = 250
    gaussians: int = 10
    random: float = 0.2
    memory: int = 2000
    measure: Measure = "return"
    contexts: FloatArray = field(init=False)
    scores: FloatArray = field(default_factory=lambda: np.zeros(0), init=False)
    points: list[list[float]] = field(default_factory=list, init=False)
    fits: int = field(default=0, init=False)
    mixture: Mixture | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Check the settings and begin without memories."""
        for name, least in (("axes", 1), ("gaussians", 2), ("memory", 1)):
            whole(name, getattr(self, name), least)
        whole("fit_every", self.fit_every, self.gaussians)
        number("random", self.random, 0.0, 1.0)
        self.contexts = np.zeros((0, self.axes))

    @property
    def level(self) -> float:
        """The mean difficulty of a draw."""
        return 0.5 if self.mixture is None else self.random * 0.5 + (1.0 - self.random) * self.mixture.mean()

    def difficulty(self, rng: np.random.Generator, n: int) -> FloatArray:
        """n independent draws."""
        contexts = rng.random((n, self.axes))
        if self.mixture is not None:
            chosen = rng.random(n) >= self.random
            contexts = np.where(chosen[:, None], self.mixture.draw(rng, n), contexts)
        return contexts[:, 0] if self.axes == 1 else contexts

    def update(self, results: Episodes) -> None:
        """Remember the episodes one by one, each with its progress; fit where it is time to."""
        for context, score in zip(results.contexts(self.axes), results.scores(self.measure).tolist(), strict=True):
            self.points.append([*context.tolist(), self._progress(context, score)])
            self.contexts = np.concatenate((self.contexts, context[None]))[-self.memory :]
            self.scores = np.append(self.scores, score)[-self.memory :]
            if len(self.points) == self.fit_every:
                self._fit()

    def _progress(self, context: FloatArray, score: float) -> float:
        """The paper's alp; 0 for the first episode, which has none before it."""
        if not len(self.scores):
            return 0.0
        distance = np.square(self.contexts - context).sum(axis=1)
        nearest = len(distance) - 1 - int(distance[::-1].argmin())
        return abs(score - float(self.scores[nearest]))

    def _fit(self) -> None:
        """A new mixture from the points since the last."""
        points, self.points = np.array(self.points), []
        points[:, -1] /= float(np.ptp(self.scores)) or 1.0
        self.mixture = fitted(points, self.gaussians, seed=self.fits)
        self.fits += 1

    def state_dict(self) -> dict[str, Any]:
        """The episodes remembered, the points since the last fit, and the mixture."""
        mixture = self.mixture
        return {
            "contexts": self.contexts.tolist(),
            "scores": self.scores.tolist(),
            "points": [list(point) for point in self.points],
            "fits": self.fits,
            "chances": None if mixture is None else mixture.chances.tolist(),
            "components": None if mixture is None else [one.to_state() for one in mixture.components],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the memories and the mixture."""
        self.contexts = np.array(state["contexts"], dtype=np.float64).reshape(-1, self.axes)
        self.scores = np.array(state["scores"], dtype=np.float64)
        self.points, self.fits = [list(map(float, point)) for point in state["points"]], int(state["fits"])
        self.mixture = None
        if state["chances"] is not None:
            components = tuple(Gaussian.from_state(one) for one in state["components"])
            self.mixture = Mixture(np.array(state["chances"], dtype=np.float64), components)


def fitted(points: FloatArray, most: int, seed: int) -> Mixture:
    """The mixture of 2 to ``most`` Gaussians over points (context, alp), float64[k, axes + 1], of the least AIC.

    Its components are drawn in proportion to their mean alp (all alike where that is 0), and over contexts alone.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    # k-means itself would sum in an order that depends on threads, and a resume could not repeat it bit for bit.
    models = [GaussianMixture(count, init_params="k-means++", random_state=seed) for count in range(2, most + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best = min((model.fit(points) for model in models), key=lambda model: float(model.aic(points)))
    progress = np.maximum(best.means_[:, -1], 0.0)
    total = progress.sum()
    chances = progress / total if total > 0 else np.full(len(progress), 1.0 / len(progress))
    pairs = zip(best.means_[:, :-1], best.covariances_[:, :-1, :-1], strict=True)
    return Mixture(chances, tuple(Gaussian(mean, np.linalg.cholesky(covariance)) for mean, covariance in pairs))


class LearningProgressCurriculum(TeacherConfig):
    """ALP-GMM over all axes of the task at once."""

    kind: Literal["learning_progress"]
    fit_every: int = Field(250, ge=2, le=100_000, description="episodes between two fits of the mixture")
    gaussians: int = Field(10, ge=2, le=100, description="the most components that are tried")
    random: Level = Field(0.2, description="the share of episodes drawn uniformly")
    memory: int = Field(2000, ge=1, le=100_000, description="earlier episodes among which the nearest is found")
    measure: Measure = Field("return", description="what an episode counts: its return, or 1 for a success")

    def build(self) -> LearningProgress:
        """For one number."""
        return self.build_for(())

    def build_for(self, axes: Sequence[str]) -> LearningProgress:
        """A teacher without memories, whose contexts have every axis of the task."""
        return LearningProgress(axes=max(len(axes), 1), **self.settings())

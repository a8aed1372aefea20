"""Play whole episodes with the deterministic policy at each difficulty of a grid, on environments of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rl.vec_env import BatchedVecEnv

LONGEST = 10_000
"""Steps after which an episode counts as it stands, where no time limit is known: a policy may never end one."""


class Act(Protocol):
    """A policy that plays: the same actions every time that it has seen the same since its episodes began."""

    def __call__(
        self, observations: Any, starts: NDArray[np.bool_] | None = None, masks: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Actions [n, …].

        Args:
            observations: raw ones, [n, *shape], or a dictionary of them.
            starts: bool[n], which are the first of an episode; all of them if None.
            masks: bool[n, choices], what is allowed, where the agent asks for it.
        """


@dataclass(frozen=True)
class Score:
    """The episodes played at one difficulty.

    Attributes:
        difficulty: in [0, 1].
        returns: undiscounted return of each episode, float64[episodes].
        lengths: steps of each episode, int64[episodes].
        successes: whether each reached the task's goal, bool[episodes]; None where the task names no goal.
    """

    difficulty: float
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    successes: NDArray[np.bool_] | None

    def columns(self) -> dict[str, float]:
        """The means, as columns of the metrics log; the target task's (difficulty 1) under the plain names too."""
        names = [f"/{self.difficulty:.2f}"] + ([""] if self.difficulty == 1.0 else [])
        row = {f"evaluation/return{name}": float(self.returns.mean()) for name in names}
        if self.successes is not None:
            row |= {f"evaluation/success{name}": float(self.successes.mean()) for name in names}
        return row


def mean_interval(values: NDArray[np.float64], seed: int = 0, level: float = 0.95) -> list[float]:
    """Bootstrap percentile interval [low, high] of the mean over episodes; a single value is its own."""
    draws = np.random.default_rng(seed).integers(0, len(values), (10_000, len(values)))
    tails = [50 * (1 - level), 50 * (1 + level)]
    return [float(value) for value in np.percentile(values[draws].mean(axis=1), tails)]


def share_interval(successes: int, episodes: int, level: float = 0.95) -> list[float]:
    """Clopper and Pearson's exact interval [low, high] of a share."""
    from scipy.stats import binomtest

    found = binomtest(successes, episodes).proportion_ci(level, method="exact")
    return [float(found.low), float(found.high)]


def play(
    env: BatchedVecEnv,
    act: Act,
    difficulties: Sequence[float],
    episodes: int,
    seed: int,
    masked: bool = False,
    aims: bool = False,
) -> list[Score]:
    """One episode in each environment of a batch of ``len(difficulties) * episodes``.

    The same seed gives every evaluation the same first states, so that scores of two steps, or of two arms, differ by
    the policy and not by luck. Draws from no global random generator.

    Args:
        env: the batch; environment ``i`` plays difficulty ``difficulties[i // episodes]``.
        act: the policy.
        difficulties: in [0, 1]; ignored by an environment without difficulty (then pass ``[1.0]``).
        episodes: per difficulty, ≥ 1.
        seed: of the batch's first states.
        masked: whether the policy is told what is allowed.
        aims: whether the task is known to tell success, even if no episode should end.

    Returns:
        One score per difficulty, in order. Where no time limit is known an episode counts as it stands, and without
        success, after ``LONGEST`` steps.
    """
    if env.has_difficulty:
        env.set_difficulty(np.repeat(np.asarray(difficulties, dtype=np.float64), episodes))
    env.seed(seed)
    observations: Any = env.reset()
    returns, lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=np.int64)
    successes: list[bool | None] = [None] * env.num_envs
    running = starts = np.ones(env.num_envs, dtype=np.bool_)
    left = LONGEST if env.time_limit is None else math.inf
    while running.any() and left > 0:
        left -= 1
        actions = act(observations, starts, env.action_masks() if masked else None)
        observations, _, dones, infos = env.step(actions)
        for index in np.flatnonzero(dones & running):
            ended = infos[index]
            returns[index], lengths[index] = ended["episode"]["r"], ended["episode"]["l"]
            successes[index] = ended.get("is_success")
        running, starts = running & ~dones, dones
    if running.any():
        found = env.running_episodes()
        returns[running], lengths[running] = (each[running] for each in found)
        told = aims or any(success is not None for success in successes)
        successes = [False if on and told else success for on, success in zip(running, successes, strict=True)]
    shape = (len(difficulties), episodes)
    reached = None if None in successes else np.array(successes, dtype=np.bool_).reshape(shape)
    return [
        Score(level, returns.reshape(shape)[i], lengths.reshape(shape)[i], None if reached is None else reached[i])
        for i, level in enumerate(difficulties)
    ]

"""Running standardisation of observations and rewards, whose whole state is a few arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvStepReturn, VecEnvWrapper

from lab.errors import UserError

CLIP = 10.0
"""Standardised values beyond this many deviations are cut, as in VecNormalize."""
_TINY = 1e-8


class Moments:
    """Mean and variance of everything seen, merged batch by batch (Chan, Golub & LeVeque 1979, parallel form).

    For a batch of n values with mean m and variance v, and the moments M, V of the N values before,
    ``M' = M + (m - M)·n/(N+n)`` and ``V' = (V·N + v·n + (m - M)²·N·n/(N+n)) / (N+n)``.

    Args:
        shape: of one value; ``()`` for scalars.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.mean = np.zeros(shape)
        self.variance = np.ones(shape)
        self.count = 0.0

    def update(self, batch: NDArray[Any]) -> None:
        """Merge a batch [n, *shape]."""
        values = np.asarray(batch, dtype=np.float64)
        count = values.shape[0]
        total = self.count + count
        difference = values.mean(axis=0) - self.mean
        spread = self.variance * self.count + values.var(axis=0) * count
        self.mean = self.mean + difference * (count / total)
        self.variance = (spread + np.square(difference) * (self.count * count / total)) / total
        self.count = total

    def state_dict(self) -> dict[str, Any]:
        """Mean, variance and count."""
        return {"mean": np.array(self.mean), "variance": np.array(self.variance), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        self.mean = np.array(state["mean"], dtype=np.float64)
        self.variance = np.array(state["variance"], dtype=np.float64)
        self.count = float(state["count"])


class Normalised(VecEnvWrapper):
    """A vector environment whose observations are standardised, and rewards divided by the return's deviation.

    The moments are of all observations met in training (MountainCar never leaves -200 without them: its velocity is
    seventy times smaller than its position). Rewards are not shifted, which would change what is optimal.

    Args:
        venv: an SB3 vector environment with Box observations of one axis or more.
        observations: whether to standardise observations.
        rewards: whether to scale rewards.
        gamma: discount of the running return whose deviation scales the rewards.
    """

    def __init__(self, venv: VecEnv, *, observations: bool = True, rewards: bool = False, gamma: float = 0.99) -> None:
        super().__init__(venv)
        shape = venv.observation_space.shape
        if observations and not isinstance(venv.observation_space, Box):
            raise UserError(f"observations: {venv.observation_space} cannot be standardised; accepted: a Box")
        self.observations = Moments(shape or ()) if observations else None
        self.rewards = Moments() if rewards else None
        self.gamma = gamma
        self._discounted = np.zeros(venv.num_envs)

    def standardise(self, observations: NDArray[Any]) -> NDArray[Any]:
        """Observations [..., *shape] by the present moments, which stay as they are: float32, within ±10."""
        if self.observations is None:
            return observations
        moments = self.observations
        scaled = (observations - moments.mean) / np.sqrt(moments.variance + _TINY)
        return np.clip(scaled, -CLIP, CLIP).astype(np.float32)

    def reset(self) -> NDArray[Any]:
        """Reset the environments; the moments keep what they have seen."""
        observations = self.venv.reset()
        assert isinstance(observations, np.ndarray)
        self._discounted[:] = 0.0
        if self.observations is not None:
            self.observations.update(observations)
        return self.standardise(observations)

    def step_wait(self) -> VecEnvStepReturn:
        """Step, learn the moments, standardise; the terminal observations too."""
        observations, rewards, dones, infos = self.venv.step_wait()
        assert isinstance(observations, np.ndarray)
        if self.observations is not None:
            self.observations.update(observations)
        if self.rewards is not None:
            self._discounted = self._discounted * self.gamma + rewards
            self.rewards.update(self._discounted)
            rewards = np.clip(rewards / np.sqrt(self.rewards.variance + _TINY), -CLIP, CLIP).astype(np.float32)
            self._discounted[dones] = 0.0
        if dones.any():
            for index in np.flatnonzero(dones):
                infos[index]["terminal_observation"] = self.standardise(infos[index]["terminal_observation"])
        return self.standardise(observations), rewards, dones, infos

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the running discounted returns."""
        return {
            "observations": None if self.observations is None else self.observations.state_dict(),
            "rewards": None if self.rewards is None else self.rewards.state_dict(),
            "discounted": self._discounted.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        for moments, saved in ((self.observations, state["observations"]), (self.rewards, state["rewards"])):
            if moments is not None:
                moments.load_state_dict(saved)
        self._discounted = np.array(state["discounted"], dtype=np.float64)

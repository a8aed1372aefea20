"""Running standardisation of observations and rewards, whose whole state is a few arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvStepReturn, VecEnvWrapper

from rl.observations import each

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

    def standardise(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values [..., *shape] in deviations from the mean, within ±10."""
        scaled = (values - self.mean) / np.sqrt(self.variance + _TINY)
        return np.clip(scaled, -CLIP, CLIP).astype(np.float32)

    def restore(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values of which :meth:`standardise` made these, but for those that it cut."""
        return np.asarray(values * np.sqrt(self.variance + _TINY) + self.mean, dtype=np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Mean, variance and count."""
        return {"mean": np.array(self.mean), "variance": np.array(self.variance), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        self.mean = np.array(state["mean"], dtype=np.float64)
        self.variance = np.array(state["variance"], dtype=np.float64)
        self.count = float(state["count"])


ObservationMoments = Moments | dict[str, Moments]
"""Of a Box, or of the entries of a Dict that are standardised."""


def standardised(moments: ObservationMoments | None, observations: Any) -> Any:
    """Observations [..., *shape], or a dictionary of them, by moments, where there are any: float32, within ±10."""
    if isinstance(moments, dict):
        return {**observations, **{name: part.standardise(observations[name]) for name, part in moments.items()}}
    return observations if moments is None else moments.standardise(observations)


def load_moments(moments: ObservationMoments | None, state: Any) -> None:
    """Restore what was saved of moments, of a dictionary entry by entry."""
    if isinstance(moments, dict):
        for name, part in moments.items():
            part.load_state_dict(state[name])
    elif moments is not None:
        moments.load_state_dict(state)


class Normalised(VecEnvWrapper):
    """A vector environment whose observations are standardised, and rewards divided by the return's deviation.

    The moments are of all observations met in training (MountainCar never leaves -200 without them: its velocity is
    seventy times smaller than its position). Only observations of floats are standardised: a Box, or those entries of
    a Dict; what counts or is an image stays as it is. Rewards are not shifted, which would change what is optimal.

    Args:
        venv: an SB3 vector environment.
        observations: whether to standardise observations.
        rewards: whether to scale rewards.
        gamma: discount of the running return whose deviation scales the rewards.
    """

    def __init__(self, venv: VecEnv, *, observations: bool = True, rewards: bool = False, gamma: float = 0.99) -> None:
        super().__init__(venv)
        self.observations: ObservationMoments | None = _moments(venv.observation_space) if observations else None
        self.rewards = Moments() if rewards else None
        self.gamma = gamma
        self._discounted = np.zeros(venv.num_envs)
        self._original: Any = None
        self._terminal: list[tuple[Any, Any]] = []
        self._rewards = np.zeros(venv.num_envs, dtype=np.float32)

    def standardise(self, observations: Any) -> Any:
        """Observations [..., *shape] by the present moments, which stay as they are: float32, within ±10."""
        return standardised(self.observations, observations)

    # What SB3 asks a VecNormalize for: a replay buffer holds what came, and is standardised as it is drawn from.

    def get_original_obs(self) -> Any:
        """The latest observations as they came."""
        return each(np.copy, self._original)

    def get_original_reward(self) -> NDArray[np.float32]:
        """The latest rewards as they came, float32[num_envs]."""
        return self._rewards.copy()

    def normalize_obs(self, observations: Any) -> Any:
        """SB3's word for :meth:`standardise`."""
        return self.standardise(observations)

    def unnormalize_obs(self, observations: Any) -> Any:
        """What :meth:`standardise` was given, but for what it cut."""
        for made, came in self._terminal:  # what ended an episode in this step is known exactly
            if _equal(made, observations):
                return came
        moments = self.observations
        if isinstance(moments, dict):
            return {**observations, **{name: moments[name].restore(observations[name]) for name in moments}}
        return observations if moments is None else moments.restore(observations)

    def normalize_reward(self, rewards: NDArray[Any]) -> NDArray[Any]:
        """Rewards of any shape, scaled by the present deviation of the return."""
        if self.rewards is None:
            return rewards
        return np.clip(rewards / np.sqrt(self.rewards.variance + _TINY), -CLIP, CLIP).astype(np.float32)

    def reset(self) -> Any:
        """Reset the environments; the moments keep what they have seen."""
        observations = self._original = self.venv.reset()
        self._discounted[:] = 0.0
        self._learn(observations)
        return self.standardise(observations)

    def step_wait(self) -> VecEnvStepReturn:
        """Step, learn the moments, standardise; the terminal observations too."""
        observations, rewards, dones, infos = self.venv.step_wait()
        self._original, self._rewards = observations, rewards
        self._learn(observations)
        if self.rewards is not None:
            self._discounted = self._discounted * self.gamma + rewards
            self.rewards.update(self._discounted)
            rewards = self.normalize_reward(rewards)
            self._discounted[dones] = 0.0
        self._terminal = []
        if dones.any():
            for index in np.flatnonzero(dones):
                came = infos[index]["terminal_observation"]
                infos[index]["terminal_observation"] = self.standardise(came)
                self._terminal.append((infos[index]["terminal_observation"], came))
        return self.standardise(observations), rewards, dones, infos

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the running discounted returns."""
        return {
            "observations": {name: moments.state_dict() for name, moments in self.observations.items()}
            if isinstance(self.observations, dict)
            else self.observations and self.observations.state_dict(),
            "rewards": None if self.rewards is None else self.rewards.state_dict(),
            "discounted": self._discounted.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``."""
        load_moments(self.observations, state["observations"])
        if self.rewards is not None:
            self.rewards.load_state_dict(state["rewards"])
        self._discounted = np.array(state["discounted"], dtype=np.float64)

    def _learn(self, observations: Any) -> None:
        if isinstance(self.observations, dict):
            for name, moments in self.observations.items():
                moments.update(observations[name])
        elif self.observations is not None:
            self.observations.update(observations)


def _moments(space: spaces.Space[Any]) -> ObservationMoments | None:
    """Fresh moments of what can be standardised in a space: Boxes of floats."""
    if isinstance(space, spaces.Dict):
        return {name: Moments(part.shape) for name, part in space.items() if _floats(part)} or None  # type: ignore[arg-type]
    return Moments(space.shape) if _floats(space) else None  # type: ignore[arg-type]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_equal(part, other[name]) for name, part in one.items())
    return bool(np.array_equal(one, other))


def _floats(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating)

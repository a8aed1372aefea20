"""Gymnasium vector environments as Stable-Baselines3 sees them: one batched step, dictionaries only for what ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvStepReturn

from curricula.adapted import AdaptedEnv
from curricula.difficulty import axis_names, for_one
from lab.errors import UserError
from rl import masks
from rl.observations import each

_NOTHING: dict[str, Any] = {}
SUCCESS = ("success", "is_success")
"""What an environment may call it that an episode reached its aim."""


def time_limit(env: gymnasium.Env[Any, Any]) -> int | None:
    """The most steps that an episode may take, by a ``TimeLimit`` around it; None without one."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, TimeLimit):
            return env._max_episode_steps
        env = env.env
    return None


class BatchedVecEnv(VecEnv):
    """Adapt a Gymnasium ``VectorEnv`` (``AutoresetMode.SAME_STEP``) to SB3's ``VecEnv``.

    SB3 reads one dictionary per environment and step. Here all of them are the same empty one except where an episode
    ended; there SB3 finds what it looks for: ``terminal_observation``, ``TimeLimit.truncated`` (truncated and *not*
    terminated, so that the value of the last state is bootstrapped), ``episode`` (``r``, ``l``), ``is_success`` where
    the environment reports ``success`` or ``is_success``, and ``difficulty`` of the episode that ended, where it has
    one (``difficulties`` of each axis, where the environment says them).

    Args:
        env: the batch; its autoreset mode must be SAME_STEP, because SB3 expects the next episode's first
            observation in the step that ends an episode.
        seed: of the first reset.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], seed: int | None = None) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise UserError(f"autoreset_mode {mode} of {env}: SB3 needs AutoresetMode.SAME_STEP")
        self.env = env
        self.render_mode = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        if seed is not None:
            self.seed(seed)
        self._actions: NDArray[Any] = np.zeros(0)
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)
        self.difficulty: NDArray[np.float64] | None = None
        """Difficulty of the running episodes, float64[num_envs] in [0, 1]; None where the environment has none."""

    @property
    def time_limit(self) -> int | None:
        """The most steps that an episode may take; None where no wrapper sets a limit, whatever episodes do."""
        if hasattr(self.env, "max_episode_steps"):
            return int(self.env.max_episode_steps)
        limits = [time_limit(single) for single in self._singles()]
        return None if not limits or None in limits else max(limit for limit in limits if limit is not None)

    def running_episodes(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Returns so far, and lengths, of the episodes that are on, [num_envs] each."""
        return self._returns.copy(), self._lengths.copy()

    @property
    def has_difficulty(self) -> bool:
        """Whether ``set_difficulty`` reaches anything."""
        if hasattr(self.env, "set_difficulty"):
            return True
        return all(_has_method(single, "set_difficulty") for single in self._singles())

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes of difficulty, in order; none where the environments name none, and take one number."""
        if hasattr(self.env, "set_difficulty"):
            return axis_names(getattr(self.env, "axes", None))
        single = next(iter(self._singles()), None)
        if single is None or not single.has_wrapper_attr("axes"):
            return ()
        return axis_names(single.get_wrapper_attr("axes"))

    def set_difficulty(self, value: float | NDArray[np.float64]) -> None:
        """Difficulty of each environment's *next* episode, in [0, 1]: a number, or an array [num_envs(, axes)]."""
        if hasattr(self.env, "set_difficulty"):
            self.env.set_difficulty(value)
            return
        names = self.axes
        each_own = np.broadcast_to(value, self.num_envs) if np.ndim(value) == 0 else np.asarray(value)
        for single, own in zip(self._singles(), each_own, strict=True):
            single.get_wrapper_attr("set_difficulty")(for_one(own, names))

    def reset(self) -> Any:
        """Begin new episodes everywhere; seeds given by ``seed()`` are used once."""
        seed = self._seeds[0]  # SB3 seeds environment i with seed + i, and so does Gymnasium
        observations, info = self.env.reset(seed=seed)
        self._reset_seeds()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self._adopt(info)
        return each(np.ascontiguousarray, observations)

    def action_masks(self) -> NDArray[np.bool_]:
        """What each environment allows in its present state, bool[num_envs, choices]; it has to be asked each step."""
        told = [single.get_wrapper_attr(masks.METHOD)() for single in self._singles()]
        return masks.allowed(told, self.action_space)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, [num_envs, …], for ``step_wait``."""
        self._actions = np.asarray(actions, dtype=self.action_space.dtype)  # SB3's Bernoulli draws floats

    def step_wait(self) -> VecEnvStepReturn:
        """Step the batch; observations of ended episodes are already the first of the next."""
        observations, rewards, terminated, truncated, info = self.env.step(self._actions)
        dones = np.logical_or(terminated, truncated)
        self._returns += rewards
        self._lengths += 1
        infos = [_NOTHING] * self.num_envs
        if dones.any():
            for index in np.flatnonzero(dones):
                infos[index] = self._ended(int(index), info, bool(truncated[index] and not terminated[index]))
            self._returns[dones] = 0.0
            self._lengths[dones] = 0
            self._adopt(info)
        return each(np.ascontiguousarray, observations), np.asarray(rewards, dtype=np.float32), dones, infos

    def _ended(self, index: int, info: Mapping[str, Any], cut: bool) -> dict[str, Any]:
        """What SB3 reads of the episode that just ended in one environment."""
        ended: dict[str, Any] = {
            "terminal_observation": each(np.asarray, info["final_obs"][index]),
            "TimeLimit.truncated": cut,
            "episode": {"r": float(self._returns[index]), "l": int(self._lengths[index])},
        }
        final = info.get("final_info", {})
        said = (found[key] for key in SUCCESS for found in (final, info) if key in found)
        success = next(said, None)
        if success is not None:
            ended["is_success"] = bool(success[index])
        if self.difficulty is not None:
            ended["difficulty"] = float(self.difficulty[index])
        if "difficulties" in final:
            ended["difficulties"] = np.array(final["difficulties"][index], dtype=np.float64)
        return ended

    def _adopt(self, info: Mapping[str, Any]) -> None:
        """Remember the difficulty of the episodes that run now, as far as the environments say it in this step."""
        if "difficulty" not in info or not self.has_difficulty:
            return
        told = np.array(info["difficulty"])
        if told.dtype.kind in "fiu":  # in a word it is not ours
            known = info.get("_difficulty", True)  # Gymnasium's mask: single environments say it as they begin
            before = told if self.difficulty is None else self.difficulty
            self.difficulty = np.where(known, told, before).astype(np.float64)

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def exact(self) -> bool:
        """Whether ``state_dict`` holds the whole state, so that a resume continues the episodes bit for bit.

        A batch with ``state_dict`` and ``load_state_dict`` is, and so are single environments with the two (their
        random generator ``np_random`` need not be in it) inside no other wrappers than ``gymnasium.make`` and
        `curricula.adapt` put there.
        """
        if _savable(self.env):
            return True
        singles = self._singles()
        return bool(singles) and all(_savable(single.unwrapped) and _plainly_wrapped(single) for single in singles)

    def state_dict(self) -> dict[str, Any]:
        """The environments' own state and the running episodes' returns, lengths and difficulties (needs ``exact``)."""
        return {
            "env": self.env.state_dict() if _savable(self.env) else [_state_of(single) for single in self._singles()],  # type: ignore[attr-defined]
            "returns": self._returns.copy(),
            "lengths": self._lengths.copy(),
            "difficulty": None if self.difficulty is None else self.difficulty.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken."""
        if _savable(self.env):
            self.env.load_state_dict(state["env"])  # type: ignore[attr-defined]
        else:
            for single, saved in zip(self._singles(), state["env"], strict=True):
                _restore(single, saved)
        self._returns = np.array(state["returns"], dtype=np.float64)
        self._lengths = np.array(state["lengths"], dtype=np.int64)
        self.difficulty = None if state["difficulty"] is None else np.array(state["difficulty"], dtype=np.float64)
        self._reset_seeds()

    # -- the rest of SB3's interface -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Release the environments."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of each environment: of the singles where there are any, otherwise of the batch."""
        chosen = list(self._get_indices(indices))
        singles = self._singles()
        if singles:
            return [singles[index].get_wrapper_attr(attr_name) for index in chosen]
        return [getattr(self.env, attr_name)] * len(chosen)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: it would write on the outermost wrapper and look successful; call a method instead."""
        raise UserError(
            f"set_attr({attr_name!r}): a batch has no attributes of single environments; call set_difficulty"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the chosen environments; where they are one batch, only ``set_difficulty`` is one's own."""
        singles = self._singles()
        chosen = list(self._get_indices(indices))
        if method_name == masks.METHOD:  # sb3-contrib would not notice that none is allowed
            return list(self.action_masks()[chosen])
        if singles:
            return [singles[index].get_wrapper_attr(method_name)(*method_args, **method_kwargs) for index in chosen]
        if method_name != "set_difficulty":
            raise UserError(f"env_method({method_name!r}): these environments are one batch; accepted: set_difficulty")
        where = np.isin(np.arange(self.num_envs), chosen)
        self.env.set_difficulty(*method_args, where=where, **method_kwargs)  # type: ignore[attr-defined]
        return [None] * len(chosen)

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Whether each environment is wrapped so; a batch never is."""
        singles = self._singles()
        return [bool(singles) and _is_wrapped(singles[index], wrapper_class) for index in self._get_indices(indices)]

    def _singles(self) -> Sequence[gymnasium.Env[Any, Any]]:
        """The environments behind a ``SyncVectorEnv``; empty for a batch written in NumPy."""
        singles: Sequence[gymnasium.Env[Any, Any]] = getattr(self.env.unwrapped, "envs", ())
        return singles


def _savable(env: Any) -> bool:
    """Whether an environment or a batch can say its state and take it back."""
    return hasattr(env, "state_dict") and hasattr(env, "load_state_dict")


def _plainly_wrapped(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether the state of all wrappers around an environment is known: a time limit's count, and difficulties."""
    while isinstance(env, gymnasium.Wrapper):
        if not isinstance(env, (TimeLimit, OrderEnforcing, PassiveEnvChecker, AdaptedEnv)):
            return False
        env = env.env
    return True


def _limits(env: gymnasium.Env[Any, Any]) -> Iterator[TimeLimit[Any, Any]]:
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, TimeLimit):
            yield env
        env = env.env


def _state_of(single: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """An environment's own state, its generator, and how far its time limits have counted."""
    env: Any = single.unwrapped
    return {
        "own": single.get_wrapper_attr("state_dict")(),
        "generator": env.np_random.bit_generator.state,
        "elapsed": [limit._elapsed_steps for limit in _limits(single)],
    }


def _restore(single: gymnasium.Env[Any, Any], state: Mapping[str, Any]) -> None:
    env: Any = single.unwrapped
    single.get_wrapper_attr("load_state_dict")(state["own"])
    env.np_random.bit_generator.state = state["generator"]
    for limit, elapsed in zip(_limits(single), state["elapsed"], strict=True):
        limit._elapsed_steps = elapsed


def _has_method(env: gymnasium.Env[Any, Any], name: str) -> bool:
    """Whether a wrapped environment has a method somewhere inside."""
    return env.has_wrapper_attr(name)


def _is_wrapped(env: gymnasium.Env[Any, Any], wrapper_class: type[Any]) -> bool:
    """Whether one of the wrappers around an environment is of this class."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, wrapper_class):
            return True
        env = env.env
    return False

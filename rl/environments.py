"""Build the environments of a run: a batched task with difficulty, or any Gymnasium id."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode

import curricula
from lab.errors import UserError
from rl import tasks
from rl.config import RlConfig
from rl.vec_env import BatchedVecEnv


def build(config: RlConfig, num_envs: int, seed: int) -> BatchedVecEnv:
    """``num_envs`` environments of the configured task, side by side in this process, to be reset with ``seed``.

    A task of ``curricula.task_ids()`` is one NumPy batch; any other Gymnasium id becomes single environments.

    Raises:
        UserError: its observations are no Box, or Gymnasium cannot make it.
    """
    if tasks.batched(config.task):
        batch = curricula.make_vec(
            config.task, num_envs, axes=config.axes or None, max_episode_steps=config.max_episode_steps
        )
        return BatchedVecEnv(batch, seed)
    env = _singles(config, num_envs)
    if not isinstance(env.single_observation_space, gymnasium.spaces.Box):
        space = type(env.single_observation_space).__name__
        raise UserError(f"task {config.task!r}: its observations are {space}; accepted: Box")
    return BatchedVecEnv(env, seed)


def single(config: RlConfig, difficulty: float, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """One environment of the configured task at a difficulty, as ``gymnasium.make`` gives it."""
    options: dict[str, Any] = {}
    if tasks.batched(config.task):
        options = {"difficulty": difficulty} | ({"axes": config.axes} if config.axes else {})
    limit = config.max_episode_steps
    env: gymnasium.Env[Any, Any] = gymnasium.make(
        config.task, max_episode_steps=limit, render_mode=render_mode, **options
    )
    return env


def _singles(config: RlConfig, num_envs: int) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """A SyncVectorEnv of a Gymnasium id, its errors told as the user's."""
    options: dict[str, Any] = (
        {} if config.max_episode_steps is None else {"max_episode_steps": config.max_episode_steps}
    )
    try:
        return gymnasium.make_vec(
            config.task,
            num_envs,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
            **options,
        )
    except (gymnasium.error.Error, ImportError) as error:
        raise UserError(f"task {config.task!r}: {' '.join(str(error).split())}") from error

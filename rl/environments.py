"""Build the environments of a run: a batched task with difficulty, or any Gymnasium id."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from curricula.tasks.single import TaskEnv
from curricula.vector import BatchedTask
from rl import tasks
from rl.config import RlConfig
from rl.vec_env import BatchedVecEnv


def build(config: RlConfig, num_envs: int, seed: int) -> BatchedVecEnv:
    """``num_envs`` environments of the configured task, side by side in this process, to be reset with ``seed``.

    A task of ``curricula`` or of its kind is one NumPy batch; any other Gymnasium id becomes single environments,
    adapted where there are axes.

    Raises:
        UserError: Gymnasium cannot make it.
    """
    task = tasks.batched(config.task)
    if task is None:
        makers = [lambda: tasks.made(config.task, config.axes, config.success, **_limit(config))] * num_envs
        return BatchedVecEnv(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP), seed)
    batch = BatchedTask(task, num_envs, axes=config.axes or None, max_episode_steps=config.max_episode_steps)
    return BatchedVecEnv(batch, seed)


def single(config: RlConfig, difficulty: float, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """One environment of the configured task at a difficulty, where it has one, as ``gymnasium.make`` gives it."""
    task = tasks.batched(config.task)
    if task is None:
        made = tasks.made(config.task, config.axes, config.success, render_mode=render_mode, **_limit(config))
        if made.has_wrapper_attr("set_difficulty"):
            made.get_wrapper_attr("set_difficulty")(difficulty)
        return made
    env = TaskEnv(task, difficulty, config.axes or None, render_mode)
    return TimeLimit(env, config.max_episode_steps or task.max_episode_steps)


def _limit(config: RlConfig) -> dict[str, Any]:
    return {} if config.max_episode_steps is None else {"max_episode_steps": config.max_episode_steps}

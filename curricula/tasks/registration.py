"""Which tasks there are, and how Gymnasium gets to know them.

Gymnasium 1.0 took its plug-in entry points away, so that a package has to be imported before ``gym.make`` knows its
environments. ``import curricula`` registers ours; ``gym.make("curricula:lab/MountainCar-v0")`` needs no import, since
Gymnasium itself imports what stands before the colon. The entry point ``gymnasium.envs`` is declared all the same: it
names this ``register`` for tools that read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from curricula.difficulty import Difficulty, meant
from curricula.tasks.extras import EXTRAS
from curricula.tasks.task import Task, load_task
from curricula.vector import BatchedTask
from lab.errors import UserError

TASKS = {
    "lab/Acrobot-v0": "curricula.tasks.acrobot:Acrobot",
    "lab/CartPole-v0": "curricula.tasks.cartpole:CartPole",
    "lab/MountainCar-v0": "curricula.tasks.mountain_car:MountainCar",
    "lab/MountainCarContinuous-v0": "curricula.tasks.mountain_car_continuous:MountainCarContinuous",
    "lab/Pendulum-v0": "curricula.tasks.pendulum:Pendulum",
    "lab/PointMassGate-v0": "curricula.tasks.point_mass_gate:PointMassGate",
}
"""Gymnasium's id of every task, and where its class stands."""


def register() -> None:
    """Tell Gymnasium about every task; a second call does nothing."""
    for task_id, where in TASKS.items():
        if task_id not in gym.registry:
            gym.register(
                id=task_id,
                entry_point="curricula.tasks.single:TaskEnv",
                vector_entry_point="curricula.vector:BatchedTask",
                max_episode_steps=load_task(where).max_episode_steps,
                kwargs={"task": where},
            )
    for task_id, extra in EXTRAS.items():
        if task_id not in gym.registry:
            gym.register(id=task_id, entry_point=extra.where, max_episode_steps=extra.steps, kwargs={"of": extra.of})


def task_ids() -> list[str]:
    """The Gymnasium ids of all batched tasks, in alphabetical order; `curricula.tasks.extras` lists the others."""
    return sorted(TASKS)


def takes_axes(task_id: str) -> bool:
    """Whether an id of ours is a single environment, which `gymnasium.make` makes with ``axes``; no batched task."""
    return task_id in EXTRAS


def task_of(task_id: str) -> Task[Any]:
    """The task behind an id.

    Raises:
        UserError: for an unknown one.
    """
    if task_id in EXTRAS:
        raise UserError(f"task is {task_id!r}, a single environment; accepted in a batch: {', '.join(task_ids())}")
    if task_id not in TASKS:
        hint = meant(str(task_id), [*TASKS, *EXTRAS])
        raise UserError(f"task is {task_id!r}, which is unknown{hint}; accepted: {', '.join([*task_ids(), *EXTRAS])}")
    return load_task(TASKS[task_id])


def make_vec(
    task_id: str,
    num_envs: int,
    *,
    difficulty: Difficulty = 1.0,
    axes: Mapping[str, Any] | None = None,
    max_episode_steps: int | None = None,
    render_mode: str | None = None,
) -> BatchedTask:
    """``num_envs`` batched environments of a task; the arguments are those of `curricula.vector.BatchedTask`.

    Raises:
        UserError: for an unknown task or a value that is not accepted.
    """
    return BatchedTask(task_of(task_id), num_envs, difficulty, axes, max_episode_steps, render_mode)

"""Which tasks a run can have: told from the configuration alone, before there is a run directory.

A task is written as

- one of ``curricula.task_ids()``, e.g. ``lab/MountainCar-v0``: it has difficulty axes and is stepped as a batch;
- any Gymnasium id, e.g. ``Acrobot-v1``, or ``my_package.module:My/Env-v0``, which imports the module first, as
  ``gymnasium.make`` reads it; the module is installed or lies in the current directory;
- ``my_package.module:MyTask``, a class with the members of `curricula.tasks.task.Task`: all that ours can do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import gymnasium

import curricula
from curricula.difficulty import parse_axes
from curricula.tasks.registration import task_of
from curricula.tasks.task import Task, limits_of
from lab.errors import UserError
from lab.training.parts import own_module
from rl.agents.part import AgentPart
from rl.spaces import refusal

_OURS = "lab/"
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_MEMBERS = [*Task.__annotations__, *(name for name in vars(Task) if not name.startswith("_"))]
"""What a class needs to be a task."""


def module_of(name: str) -> str | None:
    """The module that a task's name asks to import, if any."""
    module, colon, _ = name.partition(":")
    return module if colon else None


def batched(name: str) -> Task[Any] | None:
    """The task with difficulty axes and a NumPy batch that a name means; None where it is a Gymnasium id.

    Raises:
        UserError: its module cannot be imported, or what it names there is neither an id nor a task.
    """
    module = module_of(name)
    if module is None:
        return task_of(name) if name.startswith(_OURS) else None
    inside = name.removeprefix(f"{module}:")
    kind: Any = getattr(_imported(name, module), inside, None)
    if inside.startswith(_OURS):
        return task_of(inside)
    if inside in gymnasium.registry or not isinstance(kind, type):
        return None
    accepted = "a registered Gymnasium id, or a class with the members of curricula.tasks.task.Task"
    if issubclass(kind, gymnasium.Env):
        raise UserError(f"task {name!r}: an environment's class; accepted: {accepted}")
    try:
        task = kind()
    except Exception as error:  # whatever somebody else's class does
        raise _cannot(name, "cannot be built", error) from error
    if missing := [member for member in _MEMBERS if not hasattr(task, member)]:
        raise UserError(f"task {name!r}: has no {', '.join(missing)}; accepted: {accepted}")
    return cast(Task[Any], task)


def check(name: str, axes: Mapping[str, Any], curriculum: str | None, agent: AgentPart) -> None:
    """Refuse a task that does not exist or that the agent cannot take, wrong axes, a curriculum without difficulty.

    Args:
        name: as above.
        axes: as configured; empty for the task's own.
        curriculum: its kind where one is asked for; None suits every task.
        agent: who is to learn it.

    Raises:
        UserError: naming the field, the value and what is accepted.
    """
    task = batched(name)
    if task is not None:
        parse_axes(axes or None, task.axes, task.parameters, limits_of(task))
        _refuse_spaces(name, task.observation_space, task.action_space, agent)
        return
    if axes:
        raise UserError(f"axes {sorted(axes)}: {name} has no difficulty axes; tasks: {', '.join(curricula.task_ids())}")
    env = made(name)
    try:
        _refuse_spaces(name, env.observation_space, env.action_space, agent)
        takes = env.has_wrapper_attr("set_difficulty")
    finally:
        env.close()
    if curriculum is not None and not takes:
        raise UserError(f"curriculum.kind {curriculum!r}: {name} has no set_difficulty; accepted: none")


def made(name: str, **options: Any) -> gymnasium.Env[Any, Any]:
    """One environment of a Gymnasium id (``gymnasium.make``), its errors told as the user's."""
    try:
        env: gymnasium.Env[Any, Any] = gymnasium.make(name, **options)
    except Exception as error:  # an unknown id, a missing dependency, or whatever somebody else's environment does
        raise _cannot(name, "cannot be made", error) from error
    return env


def _refuse_spaces(name: str, observations: Any, actions: Any, agent: AgentPart) -> None:
    if (reason := refusal(observations, actions, agent.agent, agent.actions)) is not None:
        raise UserError(f"task {name!r}: {reason}")


def _imported(name: str, module: str) -> Any:
    if _MODULE.fullmatch(module) is None or name.count(":") > 1:
        raise UserError(f"task {name!r}: accepted: my_package.module:My/Env-v0, or my_package.module:MyTask")
    try:
        return own_module(module)
    except ValueError as error:
        raise UserError(f"task {name!r}: {error}") from error


def _cannot(name: str, what: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    if isinstance(error, gymnasium.error.UnregisteredEnv | gymnasium.error.NameNotFound):
        return UserError(f"task {name!r}: {reason} (own tasks: {', '.join(curricula.task_ids())}; or any Gymnasium id)")
    return UserError(f"task {name!r} {what}: {type(error).__name__}: {reason[:300]}")

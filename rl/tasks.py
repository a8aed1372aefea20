"""Which tasks a run can have: told from the configuration alone, before there is a run directory.

A task is written as

- one of ``curricula.task_ids()``, e.g. ``lab/MountainCar-v0``: it has difficulty axes and is stepped as a batch;
- any Gymnasium id, e.g. ``Acrobot-v1``, or ``my_package.module:My/Env-v0``, which imports the module first, as
  ``gymnasium.make`` reads it; the module is installed or lies in the current directory. With ``axes`` it becomes a task
  with a difficulty (`curricula.adapt`): their names are attributes of the environment, or dotted paths to its numbers;
- ``my_package.module:MyTask``, a class with the members of `curricula.tasks.task.Task`: all that ours can do.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.spaces.utils import flatten
from gymnasium.vector.utils import concatenate, create_empty_array

import curricula
from curricula.difficulty import axis_names, parse_axes
from curricula.tasks.registration import takes_axes, task_of
from curricula.tasks.task import Task, limits_of
from lab.errors import UserError
from lab.training.parts import own_module
from rl import masks
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
        return task_of(name) if name.startswith(_OURS) and not takes_axes(name) else None
    inside = name.removeprefix(f"{module}:")
    kind: Any = getattr(_imported(name, module), inside, None)
    if inside.startswith(_OURS):
        return batched(inside)
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


def check(
    name: str,
    axes: Mapping[str, Any],
    curriculum: str | None,
    agent: AgentPart,
    success: str | float | None = None,
) -> None:
    """Refuse a task that does not exist, cannot be played or that the agent cannot take, and what does not fit it.

    Those are wrong axes and a curriculum without difficulty. A Gymnasium environment is tried for a step.

    Args:
        name: as above.
        axes: as configured; empty for the task's own. Those of a Gymnasium id are tried on one environment of it.
        curriculum: its kind where one is asked for; None suits every task.
        agent: who is to learn it.
        success: as configured; only an environment that axes adapt is judged by it, all others judge themselves.

    Raises:
        UserError: naming the field, the value and what is accepted.
    """
    task = batched(name)
    if success is not None and (task is not None or not axes or takes_axes(_id(name))):
        raise UserError(
            f"success {success!r}: {name} says itself what success is; accepted with axes of an environment"
        )
    if task is not None:
        parse_axes(axes or None, task.axes, task.parameters, limits_of(task))
        _refuse_agent(name, task.observation_space, task.action_space, agent, masked=False)
        return
    env = made(name, axes, success)
    try:
        masked = env.has_wrapper_attr(masks.METHOD)
        _refuse_agent(name, env.observation_space, env.action_space, agent, masked)
        takes = env.has_wrapper_attr("set_difficulty")
        _try(name, env, masked)
    finally:
        env.close()
    if curriculum is not None and not takes:
        raise UserError(
            f"curriculum.kind {curriculum!r}: {name} has no set_difficulty; accepted: {{kind: none}}, or axes: "
            "{attribute of the environment: {easy: number}}"
        )


def axis_names_of(name: str, axes: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a task's axes as far as the configuration tells them: none of an id that has axes of its own."""
    task = batched(name)
    return tuple(axes) if task is None else axis_names(parse_axes(axes or None, task.axes, task.parameters))


def made(
    name: str, axes: Mapping[str, Any], success: str | float | None = None, **options: Any
) -> gymnasium.Env[Any, Any]:
    """One environment of a Gymnasium id (``gymnasium.make``) with these axes, if any; its errors told as the user's."""
    if axes and takes_axes(_id(name)):
        options["axes"] = axes
    try:
        env: gymnasium.Env[Any, Any] = gymnasium.make(name, **options)
        return curricula.adapt(env, axes, success=success) if axes and "axes" not in options else env
    except UserError:
        raise
    except Exception as error:  # an unknown id, a missing dependency, or whatever somebody else's environment does
        raise _cannot(name, "cannot be made", error) from error


def _id(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_agent(name: str, observations: Any, actions: Any, agent: AgentPart, masked: bool) -> None:
    if (reason := refusal(observations, actions, agent.agent, agent.actions)) is not None:
        raise UserError(f"task {name!r}: {reason}")
    if agent.masked and not masked:
        raise UserError(
            f"task {name!r}: has no method {masks.METHOD}, which {agent.agent} asks what is allowed; accepted: a "
            "Gymnasium environment with it"
        )


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


def _try(name: str, env: gymnasium.Env[Any, Any], masked: bool) -> None:
    """Begin two episodes, as training will, and take a step; one whose actions are masked is not stepped.

    Raises:
        UserError: it cannot be played, or observes what is not in its space or not finite.
    """
    space: Any = env.observation_space
    try:
        with warnings.catch_warnings():  # what Gymnasium's checker says is said again where training begins
            warnings.simplefilter("ignore")
            seen = [_began(env.reset(seed=0)), _began(env.reset(options={}))]
            if not masked:
                env.action_space.seed(0)
                seen.append(_stepped(env.step(env.action_space.sample())))
            for observation in seen:
                room: Any = create_empty_array(space, n=1)
                concatenate(space, [observation], room)
                numbers: Any = flatten(space, observation)
                if not np.isfinite(numbers).all():
                    raise ValueError(f"it observes {observation}, which is not finite")
    except UserError:
        raise
    except Exception as error:  # whatever somebody else's environment does
        raise _cannot(name, "cannot be played", error) from error


def _began(answer: Any) -> Any:
    if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict)):
        raise ValueError("reset gives no pair of an observation and a dict")
    return answer[0]


def _stepped(answer: Any) -> Any:
    if not (isinstance(answer, tuple) and len(answer) == 5):
        raise ValueError("step gives no observation, reward, terminated, truncated, info")
    return answer[0]

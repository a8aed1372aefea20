"""Which tasks a run can have: told from the configuration alone, before there is a run directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

import curricula
from curricula.difficulty import parse_axes
from curricula.tasks.registration import task_of
from lab.errors import UserError

_OURS = "lab/"


def batched(task_id: str) -> bool:
    """Whether it is one of our own tasks, which have difficulty axes and a NumPy batch."""
    return task_id.startswith(_OURS)


def check(task_id: str, axes: Mapping[str, Any], curriculum: str | None) -> None:
    """Refuse a task that does not exist, axes it does not have, and a curriculum where there is no difficulty.

    Args:
        task_id: one of ``curricula.task_ids()``, or any Gymnasium id.
        axes: as configured; empty for the task's own.
        curriculum: its kind where one is asked for; None suits every task.

    Raises:
        UserError: naming the field, the value and what is accepted.
    """
    if batched(task_id):
        task = task_of(task_id)
        parse_axes(axes or None, task.axes, task.parameters)
        return
    ours = ", ".join(curricula.task_ids())
    if axes:
        raise UserError(f"axes {sorted(axes)}: {task_id} has no difficulty axes; tasks: {ours}")
    try:
        gymnasium.spec(task_id)
        if curriculum is None:
            return
        env: gymnasium.Env[Any, Any] = gymnasium.make(task_id)
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"task {task_id!r}: {reason} (own tasks: {ours}; or any Gymnasium id)") from error
    takes = env.has_wrapper_attr("set_difficulty")
    env.close()
    if not takes:
        raise UserError(f"curriculum.kind {curriculum!r}: {task_id} has no set_difficulty; accepted: none")

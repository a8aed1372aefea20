"""Whether an episode of somebody's environment reached its aim: told by it, or judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from curricula.difficulty import number
from lab.errors import UserError


@dataclass(frozen=True)
class Episode:
    """An episode up to a step of it: what a success function judges.

    Attributes:
        env: the innermost environment.
        observation: after the step.
        reward: of the step.
        returns: the sum of all rewards.
        length: steps so far, ≥ 1.
        terminated: as the environment said in this step.
        truncated: as the environment and the wrappers that were adapted with it said.
        info: of the step.
    """

    env: Any
    observation: Any
    reward: float
    returns: float
    length: int
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


Success: TypeAlias = "str | float | Callable[[Episode], bool] | None"
"""A key of ``info``; ``terminated``; a number, the least return; a function; None: what ``info`` calls so."""


def check(success: Success) -> Success:
    """Refuse what can tell no success."""
    if isinstance(success, (int, float)):
        return number("success", success)
    if success is None or callable(success) or (isinstance(success, str) and success):
        return success
    raise UserError(
        f"success is {success!r}; accepted: terminated, a key of info, a least return, "
        "or a function of curricula.success.Episode"
    )


def judged(success: Success, episode: Episode) -> bool | None:
    """Whether an episode that ends here reached its aim; None where nothing tells it."""
    info = episode.info
    if success is None:
        told = info.get("success", info.get("is_success"))
        return None if told is None else bool(told)
    if success == "terminated":
        return bool(episode.terminated)
    if isinstance(success, (int, float)):
        return episode.returns >= success
    if isinstance(success, str):
        if success not in info and (episode.terminated or episode.truncated):
            listed = ", ".join(map(str, info)) or "nothing"
            raise UserError(
                f"success is {success!r}, and an ended episode's info has {listed}; accepted: one of them, a function"
            )
        return bool(info[success]) if success in info else None
    reached = success(episode)
    if not isinstance(reached, (bool, np.bool_)):
        raise UserError(f"success answered {reached!r}; accepted: True or False")
    return bool(reached)

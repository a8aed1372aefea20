"""Tasks that need an extra: environments of Gymnasium's and its family, adapted, with axes of their own.

Each has a module with a function ``make(of, difficulty, axes, …)``, which `gymnasium.make` calls for the id. At
difficulty 1 it is the environment ``of``, step for step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import gymnasium as gym

from curricula.difficulty import Axis, number
from lab.errors import UserError


@dataclass(frozen=True)
class Extra:
    """One such task.

    Attributes:
        where: the function that makes it, ``module:function``.
        of: the id that it is at difficulty 1.
        steps: the time limit of that id; None where the environment has its own.
    """

    where: str
    of: str
    steps: int | None


EXTRAS = {
    "lab/LunarLander-v0": Extra("curricula.tasks.lunar_lander:make", "LunarLander-v3", 1000),
    "lab/BipedalWalker-v0": Extra("curricula.tasks.bipedal_walker:make", "BipedalWalkerHardcore-v3", 2000),
    "lab/Hopper-v0": Extra("curricula.tasks.mujoco:make", "Hopper-v5", 1000),
    "lab/HalfCheetah-v0": Extra("curricula.tasks.mujoco:make", "HalfCheetah-v5", 1000),
    "lab/Walker2d-v0": Extra("curricula.tasks.mujoco:make", "Walker2d-v5", 1000),
    "lab/Ant-v0": Extra("curricula.tasks.mujoco:make", "Ant-v5", 1000),
    "lab/Empty-v0": Extra("curricula.tasks.minigrid:make", "MiniGrid-Empty-8x8-v0", None),
    "lab/DoorKey-v0": Extra("curricula.tasks.minigrid:make", "MiniGrid-DoorKey-8x8-v0", None),
    "lab/FourRooms-v0": Extra("curricula.tasks.minigrid:make", "MiniGrid-FourRooms-v0", None),
}
"""Every task that needs an extra, by its Gymnasium id."""


def standard(of: str, extra: str, package: str, **options: Any) -> Any:
    """The environment of an id without wrappers.

    Args:
        of: the id.
        extra: what of ours brings the packages that it needs.
        package: the one that registers or drives it.
        options: as the environment takes them.

    Raises:
        UserError: the extra is not installed.
    """
    try:
        import_module(package)
        return gym.make(of, disable_env_checker=True, **options).unwrapped
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise UserError(f"{of} needs the extra {extra}; accepted: pip install 'phase-lab[{extra}]'") from error


def within(axes: tuple[Axis, ...], ranges: Mapping[str, tuple[float, float]]) -> tuple[Axis, ...]:
    """The axes, if both ends of each lie in its parameter's range.

    Raises:
        UserError: for one that does not.
    """
    for axis in axes:
        for end in ("easy", "target"):
            number(f"axes.{axis.name}.{end}", getattr(axis, end), *ranges[axis.name])
    return axes

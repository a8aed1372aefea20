"""How an axis reaches somebody's environment: as one attribute of it, or by a function of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import gymnasium as gym
import numpy as np

from curricula.attributes import Number, find
from curricula.difficulty import Axis, FloatArray, parse_axes
from lab.errors import UserError

When: TypeAlias = Literal["before", "after"]
Axes: TypeAlias = "Mapping[str, Any] | Iterable[Axis]"
Apply: TypeAlias = Callable[[Any, Mapping[str, float]], None]
"""Sets what the axes' values mean, in the innermost environment."""


@dataclass(frozen=True)
class Setter:
    """Axes that are set together, before the environment's own reset or after it."""

    axes: tuple[Axis, ...]
    when: When

    def values(self, difficulty: FloatArray) -> dict[str, float]:
        """The axes' values at their difficulties, float64[axes] in [0, 1]."""
        return {axis.name: axis(float(d)) for axis, d in zip(self.axes, difficulty, strict=True)}

    def set(self, difficulty: FloatArray) -> None:
        """Put the values into the environment."""
        raise NotImplementedError

    def verify(self, difficulty: FloatArray) -> None:
        """Refuse a reset that has undone what was set before it, as far as that can be told."""


@dataclass(frozen=True)
class AttributeSetter(Setter):
    """One axis, one attribute; its ``present`` value says of what type it stays."""

    number: Number
    present: Any

    def values(self, difficulty: FloatArray) -> dict[str, float]:
        """The value: a whole number where the attribute, easy and target are, and in NumPy's type where it has one."""
        (axis,) = self.axes
        value = axis(float(difficulty[0]))
        if all(isinstance(number, (int, np.integer)) for number in (self.present, axis.easy, axis.target)):
            value = round(value)
        elif isinstance(self.present, (int, np.integer)):
            return {axis.name: value}
        return {axis.name: type(self.present)(value)}

    def set(self, difficulty: FloatArray) -> None:
        """Write the attribute."""
        (value,) = self.values(difficulty).values()
        self.number.write(value)

    def verify(self, difficulty: FloatArray) -> None:
        """The attribute still reads what was written."""
        (value,) = self.values(difficulty).values()
        self.number.expect(value, "is {} after the environment's own reset, which sets it; accepted: {{when: after}}")


@dataclass(frozen=True)
class FunctionSetter(Setter):
    """A user's function sets everything."""

    env: Any
    apply: Apply

    def set(self, difficulty: FloatArray) -> None:
        """Call it."""
        self.apply(self.env, self.values(difficulty))


def setters(env: gym.Env[Any, Any], axes: Axes, apply: Apply | None, when: When) -> tuple[Setter, ...]:
    """What sets the axes of an environment, tried where that can be done before any episode.

    Raises:
        UserError: for an axis or a moment that is not accepted.
    """
    named = _mapping(axes)
    moment = _moment("when", when)
    if apply is None:
        return tuple(_attribute(env, path, given, moment) for path, given in named.items())
    if not callable(apply):
        raise UserError(f"apply is {apply!r}; accepted: a function apply(env, values)")
    for name, given in named.items():
        if isinstance(given, Mapping) and "target" not in given:
            raise UserError(f"axes.{name}.target is missing; accepted: the value of {name} at difficulty 1")
    return (FunctionSetter(parse_axes(named, (), dict.fromkeys(named, 0.0)), moment, env.unwrapped, apply),)


def _mapping(axes: Axes) -> dict[str, Any]:
    if not isinstance(axes, (Mapping, str)) and isinstance(axes, Iterable):
        axes = {axis.name: axis for axis in axes}
    if not isinstance(axes, Mapping) or not axes:
        raise UserError(f"axes is {axes!r}; accepted: {{attribute: {{easy: number, target: number}}}}, at least one")
    return {str(name): given for name, given in axes.items()}


def _attribute(env: gym.Env[Any, Any], path: str, given: Any, when: When) -> AttributeSetter:
    """One attribute, after a trial at both ends: what cannot be set is told before anything is trained."""
    if isinstance(given, Mapping) and "when" in given:
        when = _moment(f"axes.{path}.when", given["when"])
        given = {key: value for key, value in given.items() if key != "when"}
    try:
        number = find(env, path)
        present = number.read()
    except UserError:
        if when == "before":
            raise
        env.reset()  # what a reset makes is there only after one
        number = find(env, path)
        present = number.read()
    setter = AttributeSetter(parse_axes({path: given}, (), {path: present}), when, number, present)
    for end in (0.0, 1.0):
        setter.set(np.array([end]))
    number.write(present)
    return setter


def _moment(field: str, when: Any) -> When:
    if when == "before":
        return "before"
    if when == "after":
        return "after"
    raise UserError(f"{field} is {when!r}; accepted: before (the environment's own reset), after")

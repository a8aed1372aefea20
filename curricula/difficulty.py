"""What a difficulty is: a number in [0, 1], or one per axis, that moves a task's parameters from easy to target.

An axis names one parameter of a task and two values of it; difficulty 0 is ``easy``, difficulty 1 ``target``:

    linear      value(d) = easy·(1 − d) + target·d
    geometric   value(d) = easy^(1 − d) · target^d

Both are exact at the two ends, so that difficulty 1 *is* the target task, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lab.errors import UserError

FloatArray: TypeAlias = NDArray[np.float64]
Difficulty: TypeAlias = "float | FloatArray | Mapping[str, float | FloatArray]"
"""A number for all axes, or a named vector; in a batch each may be an array with one value per environment.

An axis that a named vector leaves out stands at the target, 1. A batch takes float64[num_envs, axes] as well, its
columns in the order of the task's axes: the form in which teachers of several axes answer.
"""


@dataclass(frozen=True)
class Axis:
    """One parameter of a task and the two values between which difficulty moves it.

    Attributes:
        name: the parameter, e.g. ``power``.
        easy: its value at difficulty 0.
        target: its value at difficulty 1.
        scale: ``linear``, or ``geometric`` for a parameter whose ratios matter (both values then of one sign).

    >>> Axis("power", easy=2.0, target=0.5)(0.5)
    1.25
    >>> Axis("power", easy=4.0, target=1.0, scale="geometric")(0.5)
    2.0
    """

    name: str
    easy: float
    target: float
    scale: Literal["linear", "geometric"] = "linear"

    def __post_init__(self) -> None:
        """Refuse values between which nothing can be interpolated."""
        for field in ("easy", "target"):
            number(f"axes.{self.name}.{field}", getattr(self, field))
        if self.scale not in ("linear", "geometric"):
            raise UserError(f"axes.{self.name}.scale is {self.scale!r}; accepted: linear, geometric")
        if self.scale == "geometric" and not self.easy * self.target > 0:
            raise UserError(
                f"axes.{self.name} is geometric from {self.easy} to {self.target}; both must be of one sign and not 0"
            )

    def __call__(self, difficulty: float | FloatArray) -> Any:
        """The parameter's value: a float for a float, an array for an array. Difficulties lie in [0, 1]."""
        d = np.asarray(difficulty, dtype=np.float64)
        if self.scale == "linear":
            value = self.easy * (1.0 - d) + self.target * d
        else:
            value = math.copysign(1.0, self.target) * np.power(abs(self.easy), 1.0 - d) * np.power(abs(self.target), d)
        return value if d.ndim else float(value)

    def to_config(self) -> dict[str, float | str]:
        """What stands under the axis's name in a configuration."""
        plain: dict[str, float | str] = {"easy": self.easy, "target": self.target}
        return plain if self.scale == "linear" else {**plain, "scale": self.scale}


def parse_axes(
    given: Mapping[str, Any] | None,
    default: Iterable[Axis],
    parameters: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Axis, ...]:
    """The axes of a task: the configured ones, or the task's own where none are configured.

    Args:
        given: ``{parameter: {easy, target, scale?}}`` or ``{parameter: Axis}``; parameters not named stay as they are.
        default: the task's own axes.
        parameters: every parameter the task has, with its standard value.
        limits: the lowest and highest value of the parameters that the task's equations do not take everywhere.

    Raises:
        UserError: for an unknown parameter or key, a missing or unusable value, or no axis at all.
    """
    if given is None:
        return tuple(default)
    if not isinstance(given, Mapping) or not given:
        raise UserError(f"axes is {given!r}; accepted: a mapping of at least one of {', '.join(parameters)}")
    axes = tuple(_parse_axis(name, values, parameters) for name, values in given.items())
    for axis in axes:
        for end in ("easy", "target"):
            number(f"axes.{axis.name}.{end}", getattr(axis, end), *(limits or {}).get(axis.name, ()))
    return axes


def _parse_axis(name: str, values: Any, parameters: Mapping[str, float]) -> Axis:
    if name not in parameters:
        raise UserError(
            f"axes.{name} is no parameter of this task{meant(name, parameters)}; accepted: {', '.join(parameters)}"
        )
    if isinstance(values, Axis):
        values = values.to_config()
    if not isinstance(values, Mapping):
        raise UserError(
            f"axes.{name} is {values!r}; accepted: {{easy: number, target: number, scale: linear|geometric}}"
        )
    unknown = [key for key in values if key not in ("easy", "target", "scale")]
    if unknown:
        raise UserError(f"axes.{name}.{unknown[0]} is unknown; accepted: easy, target, scale")
    if "easy" not in values:
        raise UserError(f"axes.{name}.easy is missing; accepted: the value of {name} at difficulty 0")
    target = values.get("target", parameters[name])
    return Axis(name, values["easy"], target, values.get("scale", "linear"))


def spread(difficulty: Difficulty, axes: tuple[Axis, ...], num_envs: int, field: str = "difficulty") -> FloatArray:
    """One difficulty per axis and environment: float64[axes, num_envs], every value in [0, 1].

    Raises:
        UserError: for a value outside [0, 1], an unknown axis, or an array that is neither of shape [num_envs] nor of
            shape [num_envs, axes].
    """
    rows = np.ones((len(axes), num_envs))
    if isinstance(difficulty, np.ndarray) and difficulty.ndim == 2:
        if difficulty.shape != (num_envs, len(axes)):
            raise UserError(
                f"{field} has shape {list(difficulty.shape)}; accepted: one number, one for each environment, or "
                f"one for each of the axes ({', '.join(axis.name for axis in axes)}) in each of {num_envs} environments"
            )
        difficulty = {axis.name: column for axis, column in zip(axes, difficulty.T, strict=True)}
    if not isinstance(difficulty, Mapping):
        rows[:] = _row(field, difficulty, num_envs)
        return rows
    names = [axis.name for axis in axes]
    for name, value in difficulty.items():
        if name not in names:
            raise UserError(f"{field}.{name} is no axis{meant(name, names)}; accepted: {', '.join(names)}")
        rows[names.index(name)] = _row(f"{field}.{name}", value, num_envs)
    return rows


def level(rows: FloatArray) -> FloatArray:
    """The single number that a vector of difficulties [axes, n] amounts to: its mean over axes, float64[n].

    Where all axes stand at the same difficulty it is exactly that difficulty, free of rounding.
    """
    same: NDArray[np.bool_] = np.all(rows == rows[0], axis=0)
    mean: FloatArray = np.where(same, rows[0], rows.mean(axis=0))
    return mean


def axis_names(axes: Any) -> tuple[str, ...]:
    """The names of a task's axes; none for anything else that an environment may call ``axes``."""
    if not isinstance(axes, (tuple, list)) or not all(isinstance(axis, Axis) for axis in axes):
        return ()
    return tuple(axis.name for axis in axes)


def for_one(difficulty: float | FloatArray, names: tuple[str, ...]) -> float | dict[str, float]:
    """What ``set_difficulty`` of a single environment takes: a number, or a row float64[axes] as a named vector."""
    if np.ndim(difficulty) == 0:
        return float(difficulty)
    row = np.asarray(difficulty, dtype=np.float64)
    if row.shape != (len(names),):
        raise UserError(
            f"difficulty has {row.size} axes; accepted: one number, or one for each axis of the environment "
            f"({', '.join(names) or 'it names none'})"
        )
    return dict(zip(names, row.tolist(), strict=True))


def whole(field: str, value: Any, least: int) -> int:
    """The value if it is a whole number of at least ``least``, else a UserError naming the field."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{field} is {value!r}; accepted: a whole number of at least {least}")
    return value


def number(field: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """The value as a float, or a UserError naming the field: booleans, NaN and infinities are no numbers here."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        plain = float(value)
        if math.isfinite(plain) and low <= plain <= high:
            return plain
    if math.isinf(high):
        bounds = "a finite number" if math.isinf(low) else f"a number of at least {low:g}"
    else:
        bounds = f"a number in [{low:g}, {high:g}]"
    raise UserError(f"{field} is {value!r}; accepted: {bounds}")


def _row(field: str, value: Any, num_envs: int) -> float | FloatArray:
    """A scalar in [0, 1], or an array [num_envs] of them."""
    if not isinstance(value, (np.ndarray, list, tuple)) or np.ndim(value) == 0:
        return number(field, value.item() if isinstance(value, np.ndarray) else value, 0.0, 1.0)
    array = np.asarray(value)
    if array.shape != (num_envs,) or array.dtype == np.bool_ or not np.issubdtype(array.dtype, np.number):
        raise UserError(
            f"{field} has shape {list(array.shape)}; accepted: one number, or one for each of {num_envs} environments"
        )
    inside = (array >= 0.0) & (array <= 1.0)
    if not inside.all():
        raise UserError(f"{field} is {array[~inside][0]!s} for one environment; accepted: a number in [0, 1]")
    return array.astype(np.float64)


def meant(name: str, names: Iterable[str]) -> str:
    """`` (did you mean …?)`` where one of the names is close to what was written, else nothing."""
    close = get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""

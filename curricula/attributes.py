"""Numbers inside somebody's environment, named by dotted paths: found where they really are, and written there.

A path begins at the innermost environment, or at the one wrapper that has its first name, and each further part is an
attribute, a key of a mapping, or the place in a list or an array::

    gravity                 env.unwrapped.gravity
    settings.wind           env.unwrapped.settings["wind"], or .settings.wind
    model.opt.gravity.2     env.unwrapped.model.opt.gravity[2]

A write that would reach nothing looks successful in Python (it makes a new attribute), so every one is checked: the
attribute must exist where it is written, and must read what was written.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np

from curricula.difficulty import meant
from lab.errors import UserError

_MISSING = object()
_EVERY_WRAPPER_HAS = frozenset(dir(gym.Wrapper)) | {"env"}
_SHOWN = 20
"""Names that a message lists at most."""


@dataclass(frozen=True)
class Number:
    """One number of an environment, by its path.

    Attributes:
        path: as above.
        start: the environment or wrapper at which it begins. Everything behind it is looked up at every use, because a
            ``reset`` may make it anew.
    """

    path: str
    start: gym.Env[Any, Any]

    def read(self) -> Any:
        """The present value.

        Raises:
            UserError: the path leads nowhere, or to something that is no number.
        """
        owner, last = self._owner()
        value = _part(owner, last, self.path, self.path)
        if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
            raise UserError(f"axes.{self.path}: {self._name} is {_shown(value)}; accepted: {_expected(value, self)}")
        return value

    def write(self, value: float) -> None:
        """Set it, and make sure that it is what was asked for.

        Raises:
            UserError: it cannot be set, or reads something else afterwards.
        """
        owner, last = self._owner(own=True)
        try:
            _store(owner, last, value)
        except Exception as error:  # whatever somebody else's setter does
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"axes.{self.path}: {self._name} cannot be set to {value!r} ({type(error).__name__}: {reason}); "
                "accepted: an attribute that can, or apply=, a function that sets it"
            ) from error
        self.expect(value, f"reads {{}} after it was set to {value!r}; accepted: an attribute that keeps its value")

    def expect(self, value: float, complaint: str) -> None:
        """Refuse a present value that is another one (beyond the rounding of a float32)."""
        now = self.read()
        if not math.isclose(now, value, rel_tol=1e-6, abs_tol=1e-12):
            raise UserError(f"axes.{self.path}: {self._name} {complaint.format(repr(now))}")

    @property
    def _name(self) -> str:
        return f"{type(self.start).__name__}.{self.path}"

    def _owner(self, own: bool = False) -> tuple[Any, str]:
        """The object that holds the number (its ``own``, not one that all environments share), and its name there."""
        *way, last = self.path.split(".")
        owner: Any = self.start
        for depth, part in enumerate(way, 1):
            if own:
                _unshare(owner, part)
            owner = _part(owner, part, ".".join(self.path.split(".")[:depth]), self.path)
        if own and isinstance(owner, (type, ModuleType)):
            raise UserError(
                f"axes.{self.path}: all environments share {owner.__name__}; accepted: an attribute of each one's own"
            )
        return owner, last


def find(env: gym.Env[Any, Any], path: str) -> Number:
    """The number that a path means.

    Raises:
        UserError: nothing has its first name; or several do, and one write would not reach all of them.
    """
    first = str(path).partition(".")[0]
    holders = [layer for layer in layers(env) if _has(layer, first)]
    if len(holders) == 1:
        return Number(str(path), holders[0])
    inner = type(env.unwrapped).__name__
    if holders:
        raise UserError(
            f"axes.{path}: {' and '.join(type(layer).__name__ for layer in holders)} both have {first}, "
            "and one write would not reach both; accepted: a name that one has, or apply=, a function that sets both"
        )
    names = [name for layer in layers(env) for name in numbers(layer)]
    listed = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    raise UserError(
        f"axes.{path}: {inner} has no attribute {first}{meant(first, names)}; numbers it has: {listed or 'none'}"
    )


def layers(env: gym.Env[Any, Any]) -> Iterator[gym.Env[Any, Any]]:
    """The innermost environment, then every wrapper outwards."""
    if isinstance(env, gym.Wrapper):
        yield from layers(env.env)
    yield env


def numbers(owner: object) -> list[str]:
    """The public names of an object under which numbers are stored, its own before its class's."""
    own = getattr(owner, "__dict__", {})
    shared = {name: value for kind in type(owner).__mro__[::-1] for name, value in vars(kind).items()}
    named = {**dict.fromkeys(own), **shared, **own}  # in this order, each with the value that counts
    return [
        name
        for name, value in named.items()
        if not name.startswith("_") and isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    ]


def _has(layer: gym.Env[Any, Any], name: str) -> bool:
    if isinstance(layer, gym.Wrapper):
        return name not in _EVERY_WRAPPER_HAS and _holds(layer, name)
    return hasattr(layer, name)


def _holds(owner: object, name: str) -> bool:
    """Whether an object or its class has a name itself, and does not hand the question on by ``__getattr__``."""
    return inspect.getattr_static(owner, name, _MISSING) is not _MISSING


def _part(owner: Any, part: str, upto: str, path: str) -> Any:
    try:
        if isinstance(owner, Mapping):
            return owner[part]
        return owner[int(part)] if part.isdecimal() else getattr(owner, part)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        names = [str(name) for name in owner] if isinstance(owner, Mapping) else numbers(owner)
        listed = ", ".join(names[:_SHOWN])
        raise UserError(
            f"axes.{path}: {type(owner).__name__} has no {upto.rpartition('.')[2]!r}{meant(part, names)}; "
            f"accepted: {listed or 'a name or a place that exists'}"
        ) from error


def _unshare(owner: Any, part: str) -> None:
    """Give an object its own copy of what only its class has: a write into that would reach every environment."""
    shared = inspect.getattr_static(owner, part, None)
    plain = not hasattr(shared, "__get__") and not isinstance(shared, (type, ModuleType))
    if plain and shared is not None and part not in getattr(owner, "__dict__", {part}):
        setattr(owner, part, copy.deepcopy(shared))


def _store(owner: Any, name: str, value: float) -> None:
    if isinstance(owner, Mapping) or name.isdecimal():
        owner[name if isinstance(owner, Mapping) else int(name)] = value
        return
    if not _holds(owner, name):
        raise AttributeError(f"{type(owner).__name__} answers {name} from elsewhere, by __getattr__")
    setattr(owner, name, value)


def _shown(value: object) -> str:
    return f"an array of shape {list(value.shape)}" if isinstance(value, np.ndarray) else repr(value)[:60]


def _expected(value: object, number: Number) -> str:
    if isinstance(value, (np.ndarray, list)) and len(np.shape(value)) == 1:
        return f"one of its numbers, e.g. {number.path}.0"
    return "an attribute that is a number"

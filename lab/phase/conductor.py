"""The conductor: binds voices to targets, sets them all at each step, and fires events. It owns no time of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from lab.phase.errors import refuse, unknown, whole
from lab.phase.follower import Follower
from lab.phase.voice import Event, Voice

Target: TypeAlias = Callable[[float], None]
"""Takes a value and sets it somewhere: see ``lab.phase.targets``."""


class Conductor:
    """Applies voices to live objects.

    Args:
        bindings: name -> (voice, target); a target of None only has its value returned. A voice alone is allowed too.

    >>> from lab.phase import Clock, Schedule
    >>> heard = []
    >>> lr = Schedule(Clock(period=4), wave="triangle", low=0.0, high=1.0)
    >>> conductor = Conductor({"lr": (lr, heard.append)})
    >>> conductor.on("trough", of="lr", do=lambda step: print("trough at", step))
    >>> [conductor.step(t)["lr"] for t in range(4)]
    trough at 2
    [1.0, 0.5, 0.0, 0.5]
    >>> heard
    [1.0, 0.5, 0.0, 0.5]
    """

    def __init__(self, bindings: Mapping[str, tuple[Voice | Follower, Target | None] | Voice | Follower]) -> None:
        self._voices: list[tuple[str, Voice, Target | None]] = []
        self._followers: list[tuple[str, Follower, Target | None]] = []
        self._events: list[_Due] = []
        for name, binding in bindings.items():
            if isinstance(binding, tuple) and len(binding) != 2:
                raise refuse(name, binding, "a voice, or a pair of a voice and a target")
            voice, target = binding if isinstance(binding, tuple) else (binding, None)
            if target is not None and not callable(target):
                raise refuse(name, target, "a target (lab.phase.targets) or any function of one number")
            if isinstance(voice, Follower):
                self._followers.append((name, voice, target))
            elif isinstance(voice, Voice):
                self._voices.append((name, voice, target))
            else:
                raise refuse(name, voice, "a schedule, a Constant or a Follower")

    def on(self, event: Event, *, of: str, do: Callable[[int], object]) -> None:
        """Call ``do(step)`` at every crest or trough of the voice ``of``, or where its own wave reaches a phase.

        Events due at a step fire after all values of the step are set, in the order in which they were asked for.
        """
        schedules = {name: voice for name, voice, _ in self._voices}
        if of not in schedules:
            raise unknown("of", of, schedules)
        if not callable(do):
            raise refuse("do", do, "a function of the step")
        self._events.append(_Due(schedules[of], event, do))

    def values(self, step: int, levels: Mapping[str, float] = {}) -> dict[str, float]:
        """The values of a step, setting nothing."""
        values = {name: voice(step) for name, voice, _ in self._voices}
        for name, follower, _ in self._followers:
            values[name] = follower.value(_measured(follower, levels))
        return values

    def step(self, step: int, levels: Mapping[str, float] = {}, since: int | None = None) -> dict[str, float]:
        """Set every target for ``step`` (an int ≥ 0), fire what is due, and return the values by name.

        Args:
            step: any step, in any order: nothing is remembered.
            levels: source -> level in [0, 1], for every Follower.
            since: where steps are skipped (a rollout at a time), the last step conducted: events due after it, up to
                and including ``step``, fire. By default only those due exactly at ``step``.
        """
        if type(step) is not int:
            step = whole("step", step, 0)
        values = {}
        for name, voice, target in self._voices:
            value = values[name] = voice(step)
            if target is not None:
                target(value)
        for name, follower, target in self._followers:
            value = values[name] = follower.value(_measured(follower, levels))
            if target is not None:
                target(value)
        self.fire(step, since)
        return values

    def fire(self, step: int, since: int | None = None) -> None:
        """Fire what :meth:`step` would, setting nothing: for steps whose values were set beforehand."""
        for event in self._events:
            event.fire(step if since is None else since + 1, step)

    def __repr__(self) -> str:
        bound = [f"{name}: {voice!r}" for name, voice, _ in (*self._voices, *self._followers)]
        return f"Conductor({{{', '.join(bound)}}})"


class _Due:
    """One event, with the next step at which it falls: a cache only, so that most steps cost one comparison."""

    def __init__(self, voice: Voice, event: Event, do: Callable[[int], object]) -> None:
        self._voice, self._event, self._do = voice, event, do
        self._from, self._next = 0, self._after(0)

    def _after(self, start: int) -> float:
        return next(self._voice.due(self._event, start), math.inf)

    def fire(self, first: int, last: int) -> None:
        if not self._from <= first <= self._next:
            self._from, self._next = first, self._after(first)
        while self._next <= last:
            due = int(self._next)
            self._from, self._next = due + 1, self._after(due + 1)
            self._do(due)


def _measured(follower: Follower, levels: Mapping[str, float]) -> float:
    if follower.source not in levels:
        raise unknown("levels", follower.source, levels)
    return levels[follower.source]

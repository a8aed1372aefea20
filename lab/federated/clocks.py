"""What every voice says on a client's own clock: the server sends the round, a client adds its offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, cast

from lab.errors import UserError
from lab.phase import Clock, Constant, Follower, Schedule
from lab.phase.parsing import parse_voices
from lab.phase.schedule import ConstantProduct
from lab.phase.voice import Voice
from lab.training.offsets import offset

ODD = ".odd"
"""What the name of a voice ends with that clients of odd number have in the place of another."""
SERVER = "server."
"""What the names of voices begin with that the server follows, and no client."""
KEPT = 256
"""Clocks that are remembered; of more clients than that each one's is made again when its turn comes."""


class Clocks:
    """The clocks of all clients.

    A client of offset φ hears every voice φ of that voice's cycle earlier than the server: its level at round t is
    wave(phase(t) + φ). Its period, where clients have their own, takes the place of the master clock's; voices with a
    clock of their own keep it.

    Args:
        clock: the master clock, plain data; rounds are its steps.
        voices: plain data.
        offsets: of the clients in turn, in cycles (:mod:`lab.training.offsets`).
        periods: of the clients in turn, in rounds; none for the master clock's.
        clients: how many there are.
    """

    def __init__(
        self,
        clock: Mapping[str, Any],
        voices: Mapping[str, Any],
        offsets: Literal["spread"] | float | tuple[float, ...],
        periods: Sequence[int],
        clients: int,
    ) -> None:
        self._clock, self._voices = clock, voices
        self._offsets, self._periods, self._clients = offsets, periods, clients
        self._voices_of = lru_cache(KEPT)(self._made)

    def offset(self, client: int) -> float:
        """Of a client, in cycles."""
        return offset(self._offsets, client, self._clients)

    def period(self, client: int) -> int | None:
        """Of a client, in rounds; None where it is the master clock's."""
        return self._periods[client % len(self._periods)] if self._periods else None

    def voices(self, client: int) -> dict[str, Voice]:
        """Those that the client hears, by the names that a trainer knows them by."""
        heard = self._voices_of(self.period(client), self.offset(client))
        plain = {name: voice for name, voice in heard.items() if not name.startswith(SERVER) and not name.endswith(ODD)}
        if client % 2:
            plain |= {name.removesuffix(ODD): voice for name, voice in heard.items() if name.endswith(ODD)}
        return plain

    def values(self, client: int, step: int) -> dict[str, float]:
        """What they say in a round."""
        return {name: voice(step) for name, voice in self.voices(client).items()}

    def _made(self, period: int | None, ahead: float) -> dict[str, Voice]:
        clock = Clock.from_config(self._clock if period is None else {**self._clock, "period": period})
        parsed = parse_voices(clock, self._voices, measured=())
        return {name: shifted(voice, ahead) for name, voice in parsed.items()}


def shifted(voice: Voice | Follower, offset: float) -> Voice:
    """The same, ``offset`` of its cycle earlier."""
    if isinstance(voice, Follower):
        raise UserError(f"voices: one follows {voice.source!r}, which clients do not measure")
    return cast(Constant | Schedule | ConstantProduct, voice).shifted(offset) if offset else voice

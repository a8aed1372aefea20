"""Which techniques of :mod:`lab.techniques` ride on which player of a game, and the voices that they take.

A technique's voices bear the player's name at their end: ``sparsity.generator``, ``sparsity.drop_fraction.generator``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from lab.errors import UserError
from lab.phase import Follower, Voice
from lab.techniques import TECHNIQUES, TechniquePart, together
from lab.techniques.technique import VoiceSpec
from lab.training.record import Config

Listed = tuple[Annotated[TechniquePart, TECHNIQUES], ...]


class PlayerTechniques(Config):
    """What rides on each player."""

    generator: Listed = Field((), max_length=32, description="on the generator, e.g. [{name: sparsity}]")
    discriminator: Listed = Field((), max_length=32, description="on the discriminator")

    def each(self) -> dict[str, Listed]:
        """The techniques of the players that have any."""
        players = {"generator": self.generator, "discriminator": self.discriminator}
        return {player: parts for player, parts in players.items() if parts}

    def specs(self) -> dict[str, VoiceSpec]:
        """The voices that they take, by the names that these have in a configuration."""
        every = ((player, together.specs(parts)) for player, parts in self.each().items())
        return {f"{name}.{player}": spec for player, specs in every for name, spec in specs.items()}

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """Refuse what does not fit the voices of a run.

        Raises:
            UserError: as :func:`lab.techniques.together.check`.
        """
        for player, parts in self.each().items():
            try:
                together.check(parts, named(parts, player, voices))
            except UserError as error:
                raise UserError(f"techniques.{player}: {_of_player(str(error), parts, player)}") from None


def named(
    parts: Sequence[TechniquePart], player: str, voices: Mapping[str, Voice | Follower]
) -> dict[str, Voice | Follower]:
    """The voices as a player's techniques know them: their own without its name, all others as they are.

    Its learning rate is ``lr`` besides, as techniques that go by one call it.
    """
    own = {f"{name}.{player}": name for name in together.specs(parts)}
    known = {own.get(name, name): voice for name, voice in voices.items()}
    return {"lr": voices[f"lr.{player}"], **known} if f"lr.{player}" in voices else known


def _of_player(message: str, parts: Sequence[TechniquePart], player: str) -> str:
    """A message with the voices named as in the configuration."""
    names = sorted(together.specs(parts), key=len, reverse=True)
    pattern = "|".join(map(re.escape, names))
    return re.sub(rf"\bvoices\.({pattern})\b(?!\.)", rf"voices.\1.{player}", message) if names else message

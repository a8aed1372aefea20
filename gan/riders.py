"""The techniques of a run that ride on its players: asked before a player moves, told after both have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gan.config import GanConfig
from gan.players import Players
from gan.step import Moves
from gan.techniques import named
from lab.errors import UserError
from lab.techniques import Technique, TechniquePart, together
from lab.techniques.averaging import Average
from lab.techniques.technique import Host
from lab.techniques.together import Techniques
from lab.training.randomness import stream

FOREIGN: Mapping[str, str] = {
    "batch": "it chooses the samples that a classifier learns from",
    "logits": "it changes a classifier's outputs",
    "loss": "it weighs a classifier's losses",
    "predictors": "it is scored as a classifier is",
    "levels": "it measures a classifier",
}
"""Hooks that no player of a game has a place for, and why."""


class Ridden:
    """What moves a player and asks its techniques before; obeys :class:`gan.step.Moves`."""

    def __init__(self, inner: Moves, techniques: Techniques) -> None:
        self._inner, self._techniques = inner, techniques
        self.at = 0

    def step(self) -> None:
        """Move once, by the gradients that the techniques leave."""
        self._techniques.gradients(self.at)
        self._inner.step()


class Rider:
    """The techniques of one player, which moves by them from now on.

    The arguments are those of :class:`Riders`, with the player's name and its techniques.
    """

    def __init__(
        self,
        player: str,
        parts: Sequence[TechniquePart],
        config: GanConfig,
        players: Players,
        average: Average,
        random: MutableMapping[str, torch.Generator],
        event: Callable[..., None],
    ) -> None:
        self._player = player
        own = players.game[player]

        def generator(use: str) -> torch.Generator:
            use = f"{player}.{use}"
            return random.setdefault(use, stream(config.seed, use))

        follows = [list(average.network.parameters())] if player == "generator" else []
        host = Host(
            network=own.network,
            optimizer=players.optimizers[player],
            device=own.parameters[0].device,
            clock=config.parsed_clock(),
            voices=together.with_defaults(parts, named(parts, player, config.parsed_voices())),
            steps=config.steps,
            batch_size=config.batch_size,
            classes=0,
            counts=torch.zeros(0, dtype=torch.int64),
            random=generator,
            batches=_no_batches,
            event=partial(event, player=player),
            begun=config.init_from is not None,
            copies=[*follows, *players.copies(player)],
        )
        self._techniques, self._conductor = _fitting(player, parts, host)
        self._mover = Ridden(own.optimizer, self._techniques)
        players.game[player] = replace(own, optimizer=self._mover)

    def begin(self, step: int, levels: Mapping[str, float]) -> None:
        """Set what the voices conduct for the step that comes, and do what is due."""
        self._mover.at = step
        self._values = self._conductor.step(step, levels)

    def end(self, step: int) -> None:
        """After both players have moved."""
        self._techniques.stepped(step, self._values)

    def followers(self) -> list[Tensor]:
        """What follows the player's weights."""
        return self._techniques.followers()

    def row(self) -> dict[str, float]:
        """Columns for the metrics log."""
        return {f"{name}/{self._player}": value for name, value in self._techniques.row().items()}

    def state_dict(self) -> dict[str, Any]:
        """As :class:`lab.techniques.together.Techniques`."""
        return self._techniques.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._techniques.load_state_dict(state)


class Riders:
    """Those of both players; of a player without techniques nothing, and without any nothing costs anything.

    Args:
        config: of the run.
        players: at their first step; those that are ridden on are replaced in ``players.game``.
        average: of the generator.
        random: the run's generators, to which those of techniques are added, each by its use.
        event: appends a line to the run's events.

    Raises:
        UserError: a technique does not fit its network, or no game.
    """

    def __init__(
        self,
        config: GanConfig,
        players: Players,
        average: Average,
        random: MutableMapping[str, torch.Generator],
        event: Callable[..., None],
    ) -> None:
        self._each = {
            player: Rider(player, parts, config, players, average, random, event)
            for player, parts in config.techniques.each().items()
        }

    def begin(self, step: int, levels: Mapping[str, float]) -> None:
        """As :meth:`Rider.begin`."""
        for rider in self._each.values():
            rider.begin(step, levels)

    def end(self, step: int) -> None:
        """As :meth:`Rider.end`."""
        for rider in self._each.values():
            rider.end(step)

    def followers(self) -> list[Tensor]:
        """As :meth:`Rider.followers`."""
        return [tensor for rider in self._each.values() for tensor in rider.followers()]

    def row(self) -> dict[str, float]:
        """As :meth:`Rider.row`."""
        return {name: value for rider in self._each.values() for name, value in rider.row().items()}

    def state_dict(self) -> dict[str, Any]:
        """By player."""
        return {player: rider.state_dict() for player, rider in self._each.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for player, rider in self._each.items():
            rider.load_state_dict(state[player])


def _fitting(player: str, parts: Sequence[TechniquePart], host: Host) -> tuple[Techniques, Any]:
    """The techniques, and what conducts them; a mistake names the player."""
    try:
        techniques = Techniques(parts, host)
        for name, technique in techniques.each.items():
            for hook, reason in FOREIGN.items():
                if getattr(type(technique), hook) is not getattr(Technique, hook):
                    raise UserError(f"techniques.{name}: {reason}, and no player of a game")
        return techniques, techniques.conductor({})
    except UserError as error:
        raise UserError(f"techniques.{player}.{str(error).removeprefix('techniques.')}") from None


def _no_batches(n: int) -> Sequence[Tensor]:
    raise UserError("it passes a classifier's samples through the network, and a game has none")

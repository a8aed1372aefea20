"""The players of a run: networks drawn from the seed, with the optimisers that move them, ready to be saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan.config import PLAYERS, GanConfig
from gan.networks.players import discriminator, generator
from gan.optimizers.extragradient import Extragradient
from gan.optimizers.lookahead import Lookahead
from gan.optimizers.part import rate_on
from gan.precision import lay_out
from gan.step import Moves, Player, moving
from lab.errors import UserError
from lab.training.dense import quicken
from lab.training.finite import NonFiniteError
from lab.training.initial import Initial
from lab.training.restoring import restore_moments


class Players:
    """Both players of a game, and what their optimisers remember.

    Args:
        config, weights, device: what they are, from which chance they are drawn, and where they lie.
        initial: weights of another run, taken over both networks.

    Attributes:
        networks, optimizers: by player, ``generator`` and ``discriminator``.
        game: the same as :class:`gan.step.Player`.
    """

    def __init__(
        self, config: GanConfig, weights: torch.Generator, device: torch.device, initial: Initial | None = None
    ) -> None:
        self._moments = config.optimizer.moments
        self.networks = {"generator": generator(config, weights), "discriminator": discriminator(config, weights)}
        self.optimizers: dict[str, Optimizer] = {}
        self.game: dict[str, Player] = {}
        for name, network in self.networks.items():
            lay_out(quicken(network.to(device)), config.precision, device)
            parameters = moving(network)
            if not parameters:
                raise UserError(f"{name}: it has no weights to train")
            optimizer = self.optimizers[name] = config.optimizer.build(
                parameters, rate_on(device, config.capture == "on")
            )
            mover: Moves = Extragradient(optimizer) if config.updates == "extragradient" else optimizer
            self.game[name] = Player(network, mover, parameters)
        if initial:
            initial.load(self.networks)
        weights_of_both = [parameter for player in self.game.values() for parameter in player.parameters]
        self.lookahead = Lookahead(config.lookahead, weights_of_both) if config.lookahead else None

    def copies(self, name: str) -> list[list[Tensor]]:
        """What follows the parameters of a player, in their order: where lookahead goes back to; frozen ones stay."""
        if self.lookahead is None:
            return []
        first = 0 if name == "generator" else len(self.game["generator"].parameters)
        slow = iter(self.lookahead.slow[first:])
        return [[next(slow) if weight.requires_grad else weight for weight in self.networks[name].parameters()]]

    def check(self, step: int) -> None:
        """The watch sees losses and gradients; an overflow in the last update itself shows in the weights alone.

        Raises:
            NonFiniteError: a weight is not finite.
        """
        for name, network in self.networks.items():
            if not torch.stack([weight.isfinite().all() for weight in network.parameters()]).all():
                raise NonFiniteError(f"weights/{name}", step)

    def state_dict(self) -> dict[str, Any]:
        """Networks, moments, and the points that lookahead goes back to."""
        state: dict[str, Any] = {name: network.state_dict() for name, network in self.networks.items()}
        for name, optimizer in self.optimizers.items():
            state[f"optimizer_{name}"] = optimizer.state_dict()["state"]
        if self.lookahead:
            state["lookahead"] = dict(enumerate(self.lookahead.slow))
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name in PLAYERS:
            self.networks[name].load_state_dict(state[name])
            restore_moments(self.optimizers[name], state[f"optimizer_{name}"], self._moments)
        if self.lookahead:
            for place, slow in enumerate(self.lookahead.slow):
                slow.copy_(state["lookahead"][place])

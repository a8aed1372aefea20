"""What is recorded of both players' weights while they train: how a step moves them, and their layers' singular values.

Training does not depend on any of it. What is recorded at a step depends on the seed and on the training alone, so that
a resumed run writes the same rows; only where a process is stopped right before a row does a checkpoint hold anything
of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan.spread import spread
from gan.step import Player
from lab.diagnostics.weights import flat, matrices, move, singular

MOVES = ("update_ratio", "update_cosine", "distance")
"""Columns ``<name>/<player>``, in the order of :func:`lab.diagnostics.weights.move`."""
LARGEST, STABLE_RANK = "singular_value", "stable_rank"
"""Columns ``<name>/<player>/<layer>``; the layer by its name in the network."""
MOST_LAYERS = 64
"""Layers of a player that are recorded, evenly spread from the first to the last; a log has no room for any number."""


class Motion:
    """Looks at the steps that end at a multiple of ``every``, each with the step before it.

    A step is one of the run's: all updates of the discriminator in it count together, and so do extragradient's two
    moves and Lookahead's return. The weights are all parameters of a player, biases and scales among them, as its
    optimiser moves them: before spectral normalisation.

    Args:
        players: by name, at their initial weights, which are where the distance is measured from. They are drawn from
            the seed, so that no checkpoint needs to hold them.
        every: steps between two records.
    """

    def __init__(self, players: Mapping[str, Player], every: int) -> None:
        self._players = players
        self._every = every
        self._start = self._weights()
        self._before: dict[str, Tensor] = {}
        self._last: dict[str, Tensor] = {}
        self._found: Tensor | None = None

    def begin(self, step: int) -> None:
        """Keep the weights that step number ``step`` (from 0) starts from, if it is one that counts."""
        if (step + 1) % self._every == 0 or (step + 2) % self._every == 0:
            self._before = self._weights()

    def end(self, step: int) -> None:
        """Look at what the step that ended at ``step`` did, without waiting for the device."""
        if not self._before:
            return
        after, before, last = self._weights(), self._before, self._last
        if step % self._every == 0:
            found = [move(self._start[name], before[name], after[name], last.get(name)) for name in after]
            self._found = torch.cat(found)
        due = (step + 1) % self._every == 0
        self._last = {name: after[name] - before[name] for name in after} if due else {}
        self._before = {}

    def take(self) -> dict[str, float]:
        """The columns of the newest record, once; without those that are undefined, as a cosine where nothing moved."""
        found = [] if self._found is None else self._found.tolist()
        self._found = None
        row = dict(zip(self._columns, found, strict=False))
        return {name: value for name, value in row.items() if math.isfinite(value)}

    @property
    def _columns(self) -> list[str]:
        return [f"{name}/{player}" for player in self._players for name in MOVES]

    def state_dict(self) -> dict[str, Any]:
        """What the next record depends on, and one that was not taken; nothing at most steps."""
        state: dict[str, Any] = {"last": self._last} if self._last else {}
        return state if self._found is None else state | {"found": self._found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` returned; nothing is known of the last step where it holds nothing.

        Raises:
            ValueError: it is of other networks.
        """
        last, found = state.get("last", {}), state.get("found")
        kept = {name: _like(self._start[name], last[name], name) for name in self._start} if last else {}
        record = torch.zeros(len(self._columns), dtype=torch.float64, device=next(iter(self._start.values())).device)
        self._found = None if found is None else _like(record, found, "found")
        self._last, self._before = kept, {}

    def _weights(self) -> dict[str, Tensor]:
        return {name: flat(player.parameters) for name, player in self._players.items()}


def singular_values(networks: Mapping[str, nn.Module]) -> dict[str, float]:
    """Largest singular value and stable rank of each weight layer (:func:`lab.diagnostics.weights.matrices`).

    A layer with one row or column has no stable rank, as that would always be 1, nor has one of zeros.

    Args:
        networks: by player; each is left as it was.

    Returns:
        Columns ``singular_value/<player>/<layer>`` and ``stable_rank/<player>/<layer>``.
    """
    row = {}
    for player, network in networks.items():
        modes = {module: module.training for module in network.modules()}
        network.eval()  # or spectral normalisation would improve its vectors at each look
        found = matrices(network)
        for module, training in modes.items():
            module.training = training
        for layer in spread(list(found), MOST_LAYERS):
            values = singular(found[layer])
            row[f"{LARGEST}/{player}/{layer}"] = values.largest
            if min(found[layer].shape) > 1:
                row[f"{STABLE_RANK}/{player}/{layer}"] = values.stable_rank
    return {name: value for name, value in row.items() if math.isfinite(value)}


def _like(own: Tensor, given: Any, what: str) -> Tensor:
    if not isinstance(given, Tensor) or given.shape != own.shape or given.dtype != own.dtype:
        raise ValueError(f"diagnostics: {what} is no {str(own.dtype).removeprefix('torch.')} tensor of {[*own.shape]}")
    return given.to(own.device)

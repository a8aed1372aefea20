"""A rollout as tensors: the whole of it, and minibatches of it in one order or another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from rl.observations import each


class Rollout:
    """A rollout buffer's transitions as tensors on the model's device, environment by environment as SB3 lays them.

    A minibatch is a dictionary of ``observations`` and ``actions`` as the policy takes them, and of ``values``,
    ``log_probs``, ``advantages`` and ``returns`` [n].

    Args:
        model: an SB3 agent that learns from rollouts.
        buffer: full; its own.
    """

    def __init__(self, model: Any, buffer: RolloutBuffer) -> None:
        self.size = buffer.buffer_size * buffer.n_envs

        def flat(array: NDArray[Any]) -> Tensor:
            # SB3's own updates leave the buffer flattened.
            ready = array if buffer.generator_ready else RolloutBuffer.swap_and_flatten(array)
            return torch.as_tensor(ready, device=model.device)

        actions = flat(buffer.actions)
        discrete = isinstance(model.action_space, spaces.Discrete)
        self._tree: dict[str, Any] = {
            "observations": each(flat, buffer.observations),
            "actions": actions.long().flatten() if discrete else actions.float(),
        }
        for field in ("values", "log_probs", "advantages", "returns"):
            self._tree[field] = flat(getattr(buffer, field)).flatten()

    def taken(self, places: NDArray[np.int64]) -> dict[str, Any]:
        """The transitions at these places, in this order."""
        chosen = torch.from_numpy(places).to(self._tree["returns"].device)
        rows: dict[str, Any] = each(lambda tensor: tensor[chosen], self._tree)
        return rows

    def shuffled(self, size: int) -> Iterator[dict[str, Any]]:
        """Minibatches of one epoch, in an order drawn from NumPy's global generator as SB3 draws it."""
        return self._cut(self.taken(np.random.permutation(self.size)), size)

    def in_order(self, size: int) -> Iterator[dict[str, Any]]:
        """The same without shuffling."""
        return self._cut(self._tree, size)

    def _cut(self, tree: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
        for start in range(0, self.size, size):
            part = slice(start, start + size)
            yield each(itemgetter(part), tree)

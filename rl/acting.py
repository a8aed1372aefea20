"""A trained policy that acts: the networks, the normalisation they see through, and several of them together."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy

from rl.normalise import Normalised, ObservationMoments, load_moments, standardised
from rl.observations import each

BoolArray = NDArray[np.bool_]


@dataclass
class Actor:
    """The deterministic policy on raw observations [n, *shape], or a dictionary of them, by given moments.

    What a recurrent policy remembers is kept here from call to call, apart from what it remembers in training.
    """

    policy: BasePolicy
    moments: ObservationMoments | None
    _memory: Any = field(default=None, init=False, repr=False)

    def __call__(
        self, observations: Any, starts: BoolArray | None = None, masks: BoolArray | None = None
    ) -> NDArray[Any]:
        """Actions [n, …], the same ones every time; the arguments are those of :class:`rl.evaluation.Act`."""
        if starts is None or starts.all():
            self._memory = None
        seen, only = standardised(self.moments, observations), {} if masks is None else {"action_masks": masks}
        actions, self._memory = self.policy.predict(seen, self._memory, starts, deterministic=True, **only)
        return actions


@dataclass(frozen=True)
class Ensemble:
    """Several policies that act as one: by a vote where actions are counted, by the mean where they are numbers."""

    actors: Sequence[Actor]
    space: spaces.Space[Any]

    def __call__(
        self, observations: Any, starts: BoolArray | None = None, masks: BoolArray | None = None
    ) -> NDArray[Any]:
        """Actions [n, …]; each policy remembers for itself, and what all choose among is allowed to all."""
        return agreed(np.stack([actor(observations, starts, masks) for actor in self.actors]), self.space)


def agreed(actions: NDArray[Any], space: spaces.Space[Any]) -> NDArray[Any]:
    """One action of each environment from those of several policies.

    Args:
        actions: [policies, n, …].
        space: of one action. In a Box the mean; otherwise what most policies chose, each component for itself, and of
            equals the least.

    Returns:
        [n, …], of the same type.
    """
    if isinstance(space, spaces.Box):
        mean: NDArray[Any] = actions.mean(axis=0, dtype=np.float64).astype(actions.dtype)
        return mean
    votes = np.stack([(actions == choice).sum(axis=0) for choice in range(int(actions.max()) + 1)])
    chosen: NDArray[Any] = votes.argmax(axis=0).astype(actions.dtype)
    return chosen


def snapshot(policy: BasePolicy, env: Normalised) -> dict[str, Any]:
    """All that acting later needs, as a tree of tensors and arrays, copied."""
    weights = {name: tensor.detach().cpu().clone() for name, tensor in policy.state_dict().items()}
    return {"policy": weights, "normaliser": each(np.array, env.state_dict()["observations"])}


def restored(model: Any, moments: ObservationMoments | None, state: Mapping[str, Any]) -> Actor:
    """The actor of a :func:`snapshot`, beside the model and the moments of its run, which stay as they are."""
    # Not every policy names all that it was built with: sb3-contrib's recurrent ones leave out the LSTM.
    built = {**model.policy._get_constructor_parameters(), **model.policy_kwargs}
    with torch.random.fork_rng(devices=[]):  # it is drawn, and then overwritten
        own = type(model.policy)(**built).to(model.device)
    own.load_state_dict(state["policy"])
    seen = copy.deepcopy(moments)
    load_moments(seen, state["normaliser"])
    return Actor(own, seen)

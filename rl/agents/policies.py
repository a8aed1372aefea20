"""The policy of an agent's networks: SB3's by the observations, or the user's own, and its arguments as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from torch import nn

from lab.errors import UserError
from lab.training.parts import OWN, own_module
from rl.spaces import SMALLEST_IMAGE

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv

    from rl.agents.part import AgentPart

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leakyrelu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "rmsproptflike": RMSpropTFLike,
}


def policy_of(agent: AgentPart, env: VecEnv) -> str | type[BasePolicy]:
    """The word or the class that SB3's models take.

    Raises:
        UserError: a class of the user's own that is not to be found, or is no policy.
    """
    if agent.policy == "auto":
        if isinstance(env.observation_space, spaces.Dict):
            return f"MultiInput{agent.policies}"
        space = env.observation_space
        large = is_image_space(space) and sorted(space.shape or ())[1] >= SMALLEST_IMAGE  # the channels are the fewest
        return f"{'Cnn' if large else 'Mlp'}{agent.policies}"
    if ":" not in agent.policy:
        return agent.policy
    found = _own(agent.policy, "agent.policy")
    if not isinstance(found, type) or not issubclass(found, BasePolicy):
        raise UserError(f"agent.policy {agent.policy!r}: accepted: a subclass of {BasePolicy.__module__}.BasePolicy")
    return found


def arguments_of(agent: AgentPart) -> dict[str, Any]:
    """``policy_kwargs`` for SB3: words of activations, optimisers and own classes become what they name.

    Args:
        agent: whose ``hidden``, ``activation`` and what is ``of_policy`` are among them, unless ``policy_kwargs`` says
            otherwise.
    """
    said = {name: getattr(agent, name) for name in agent.of_policy} | dict(agent.policy_kwargs)
    if agent.hidden is not None:
        said.setdefault("net_arch", list(agent.hidden))
    if agent.activation is not None:
        said.setdefault("activation_fn", agent.activation)
    return {name: _meant(name, value) for name, value in said.items()}


def _meant(name: str, value: Any) -> Any:
    if name == "net_arch" and isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]  # as it was written up to SB3 1.7
    if name == "activation_fn" and isinstance(value, str) and ":" not in value:
        return _listed(name, value, ACTIVATIONS)
    if name == "optimizer_class" and isinstance(value, str) and ":" not in value:
        return _listed(name, value, OPTIMIZERS)
    if isinstance(value, str) and OWN.fullmatch(value):
        return _own(value, f"agent.policy_kwargs.{name}")
    return value


def _listed(name: str, word: str, known: dict[str, Any]) -> Any:
    if word.lower() not in known:
        raise UserError(
            f"agent.policy_kwargs.{name}: {word!r} is not accepted; {', '.join(known)} or my_package.module:Name is"
        )
    return known[word.lower()]


def _own(name: str, field: str) -> Any:
    words = OWN.fullmatch(name)
    if words is None:
        raise UserError(f"{field} {name!r}: accepted: my_package.module:Name")
    try:
        module = own_module(words[1])
    except ValueError as error:
        raise UserError(f"{field} {name!r}: {error}") from error
    if not hasattr(module, words[2]):
        raise UserError(f"{field} {name!r}: module {words[1]!r} has no {words[2]!r}")
    return getattr(module, words[2])

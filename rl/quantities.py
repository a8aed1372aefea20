"""Every number of an agent that the clock may conduct: what it is, and what it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

RATE = "learning_rate"


@dataclass(frozen=True)
class Quantity:
    """One number that an agent reads while it trains.

    Attributes:
        what: in words.
        least, most: the range that its voice may have.
    """

    what: str
    least: float = 0.0
    most: float = math.inf


QUANTITIES: Mapping[str, Quantity] = {
    RATE: Quantity("step size of all optimisers of the agent"),
    f"{RATE}.actor": Quantity("step size of the actor alone"),
    f"{RATE}.critic": Quantity("step size of the critics alone"),
    f"{RATE}.entropy": Quantity("step size of the entropy coefficient's own optimiser"),
    "clip_range": Quantity("PPO's clip range"),
    "clip_range_vf": Quantity("clip range of the value function"),
    "ent_coef": Quantity("weight of the entropy bonus"),
    "vf_coef": Quantity("weight of the value loss"),
    "target_kl": Quantity("an update stops early beyond 1.5 times this divergence"),
    "max_grad_norm": Quantity("gradients are clipped to this global norm"),
    "gamma": Quantity("discount", most=1.0),
    "gae_lambda": Quantity("bias against variance of the advantage estimate", most=1.0),
    "n_epochs": Quantity("passes over each rollout, rounded", least=1.0),
    "batch_size": Quantity("transitions per gradient step, rounded", least=1.0),
    "gradient_steps": Quantity("gradient steps after each collection, rounded", least=1.0),
    "tau": Quantity("how far the target networks go towards the trained ones", most=1.0),
    "target_update_interval": Quantity("steps between updates of the target networks, rounded", least=1.0),
    "exploration_rate": Quantity("share of random actions", most=1.0),
    "noise_std": Quantity("deviation of the noise on actions scaled to [-1, 1]"),
    "target_policy_noise": Quantity("deviation of the noise on the target policy's actions"),
}
"""By the name of the voice; an agent's ``conducts`` says which of them it has."""

"""SB3's actor-critic agents whose optimisers may have learning rates of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3 import DDPG, TD3
from torch.optim import Optimizer

from lab.training.adam import LeanAdam

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm as Base
else:
    Base = object


class RatesApart(Base):
    """Before an agent of SB3 that has an ``actor`` and a ``critic``: each may have a rate beside the agent's own.

    SB3 sets all optimisers to one rate at the start of every ``train()``, where nothing else can interfere.
    """

    rates: dict[str, float]
    """By player, ``actor``, ``critic`` or ``entropy``; who is not in it has the agent's ``learning_rate``."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self.rates = {}
        critic: Any = self.critic  # type: ignore[attr-defined]  # all that this stands before have one
        for owner, name in ((self.actor, "optimizer"), (critic, "optimizer"), (self, "ent_coef_optimizer")):
            if type(getattr(owner, name, None)) is torch.optim.Adam:
                setattr(owner, name, LeanAdam.after(getattr(owner, name)))

    def _update_learning_rate(self, optimizers: list[Optimizer] | Optimizer) -> None:
        super()._update_learning_rate(optimizers)
        for name, optimizer in self.players():
            if name in self.rates:
                for group in optimizer.param_groups:
                    group["lr"] = self.rates[name]

    def players(self) -> Iterator[tuple[str, Any]]:
        """Who may have a rate, each with its optimiser."""
        yield "actor", self.actor.optimizer
        yield "critic", self.critic.optimizer  # type: ignore[attr-defined]  # all that this stands before have one
        entropy = getattr(self, "ent_coef_optimizer", None)
        if entropy is not None:
            yield "entropy", entropy


class ApartTD3(RatesApart, TD3):
    """``stable_baselines3.TD3`` with rates apart."""


class ApartDDPG(RatesApart, DDPG):
    """``stable_baselines3.DDPG`` with rates apart."""

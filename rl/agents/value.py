"""Agents that learn the value of every action: DQN (Mnih et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rl.agents.off_policy import OffPolicyPart
from rl.agents.part import Share

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv


class ValuePart(OffPolicyPart):
    """Random actions become fewer, linearly over ``exploration_fraction`` of the run, or by a voice."""

    conducts: ClassVar[tuple[str, ...]] = (
        "learning_rate", "exploration_rate", "max_grad_norm", "gamma", "tau", "target_update_interval", "batch_size",
        "gradient_steps",
    )  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "train/loss": "loss/value",
        "rollout/exploration_rate": "exploration_rate",
    }
    actions: ClassVar[tuple[str, ...]] = ("Discrete",)

    learning_starts: int = Field(100, ge=0, description="steps with random actions before the first gradient step")
    batch_size: int = Field(32, ge=1, description="transitions per gradient step")
    tau: Share = Field(1.0, description="how far the target network goes towards the trained one")
    train_freq: int | tuple[int, Literal["step", "episode"]] = Field(
        4, description="steps of each environment, or [episodes, episode], between trainings"
    )
    target_update_interval: int = Field(10_000, ge=1, description="steps between updates of the target network")
    exploration_fraction: Share = Field(0.1, description="share of the run over which random actions become fewer")
    exploration_initial_eps: Share = Field(1.0, description="share of random actions at the start")
    exploration_final_eps: Share = Field(0.05, description="share of random actions after that")
    max_grad_norm: float = Field(10.0, gt=0.0, description="gradients are clipped to this global norm")

    def own(self) -> dict[str, Any]:
        """Arguments of SB3's class that other agents have not."""
        names = ("target_update_interval", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps",
                 "max_grad_norm")  # fmt: skip
        return {name: getattr(self, name) for name in names}


class DqnAgent(ValuePart):
    """SB3's DQN."""

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-4}

    agent: Literal["dqn"]

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As SB3 builds it."""
        from stable_baselines3 import DQN

        model: BaseAlgorithm = self.model(DQN, env, device, place, slack, **self.own())
        return model

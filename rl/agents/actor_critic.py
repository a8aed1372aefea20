"""Agents with an actor and critics that learn from a replay buffer: SAC, TD3 and DDPG.

Haarnoja et al. 2018, Fujimoto et al. 2018, Lillicrap et al. 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from lab.errors import UserError
from rl.agents.off_policy import OffPolicyPart

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.noise import ActionNoise
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv

APART = ("learning_rate", "learning_rate.actor", "learning_rate.critic")
OFTEN = ("gamma", "tau", "batch_size", "gradient_steps")


class ActorCriticPart(OffPolicyPart):
    """Actions between bounds, and noise on them."""

    actions: ClassVar[tuple[str, ...]] = ("Box",)

    noise_type: Literal["none", "normal", "ornstein-uhlenbeck"] = Field("none", description="noise on the actions")
    noise_std: float = Field(0.1, ge=0.0, description="its deviation, of actions scaled to [-1, 1]")

    def noise(self, env: VecEnv) -> ActionNoise | None:
        """SB3's, of the action's shape."""
        import numpy as np
        from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise

        mean = np.zeros(env.action_space.shape or (), dtype=np.float32)
        deviation = np.full_like(mean, self.noise_std)
        if self.noise_type == "none":
            return None
        kind = NormalActionNoise if self.noise_type == "normal" else OrnsteinUhlenbeckActionNoise
        return kind(mean, deviation)


class SoftPart(ActorCriticPart):
    """An actor that is rewarded for entropy, whose weight is learnt (``auto``), or a number, or a voice."""

    conducts: ClassVar[tuple[str, ...]] = (
        *APART, "learning_rate.entropy", *OFTEN, "ent_coef", "target_update_interval", "noise_std",
    )  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "train/actor_loss": "loss/policy",
        "train/critic_loss": "loss/value",
        "train/ent_coef_loss": "loss/entropy",
        "train/ent_coef": "entropy_coefficient",
    }

    ent_coef: float | str = Field("auto", description="weight of the entropy: a number; auto, or auto_0.1, is learnt")
    target_entropy: float | Literal["auto"] = Field("auto", description="the entropy that a learnt weight aims at")
    target_update_interval: int = Field(1, ge=1, description="gradient steps between updates of the target critics")
    use_sde: bool = Field(False, description="explore by noise that depends on the state (gSDE)")
    sde_sample_freq: int = Field(-1, ge=-1, description="steps between draws of that noise; -1: once a collection")
    use_sde_at_warmup: bool = Field(False, description="explore by it before learning starts, too")

    def check(self, n_envs: int) -> None:
        """The word of a learnt coefficient is SB3's."""
        super().check(n_envs)
        word = self.ent_coef
        fine = _positive(word[5:]) if isinstance(word, str) and word.startswith("auto_") else word == "auto"
        if not (0.0 <= word < math.inf if isinstance(word, float) else fine):
            raise UserError(f"agent.ent_coef: {word!r} is not accepted; a number ≥ 0, auto, or auto_0.1 is")

    def own(self, env: VecEnv) -> dict[str, Any]:
        """Arguments of SB3's class that other agents have not."""
        names = ("ent_coef", "target_entropy", "target_update_interval", "use_sde", "sde_sample_freq",
                 "use_sde_at_warmup")  # fmt: skip
        return {"action_noise": self.noise(env), **{name: getattr(self, name) for name in names}}


class SacAgent(SoftPart):
    """SB3's SAC, leaner: :class:`rl.sac.LeanSAC`."""

    agent: Literal["sac"]

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As SB3 builds it; its optimisers may have rates of their own."""
        from rl.sac import LeanSAC

        model: BaseAlgorithm = self.model(LeanSAC, env, device, place, slack, **self.own(env))
        return model


class Td3Agent(ActorCriticPart):
    """SB3's TD3: the actor is trained once for ``policy_delay`` updates of its two critics."""

    conducts: ClassVar[tuple[str, ...]] = (*APART, *OFTEN, "noise_std", "target_policy_noise")
    columns: ClassVar[Mapping[str, str]] = {"train/actor_loss": "loss/policy", "train/critic_loss": "loss/value"}

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "noise_type": "none"}

    agent: Literal["td3"]
    policy_delay: int = Field(2, ge=1, description="updates of the critics for one of the actor")
    target_policy_noise: float = Field(0.2, ge=0.0, description="deviation of the noise on the target policy's actions")
    target_noise_clip: float = Field(0.5, ge=0.0, description="most of that noise")
    noise_type: Literal["none", "normal", "ornstein-uhlenbeck"] = Field("normal", description="noise on the actions")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As SB3 builds it; its optimisers may have rates of their own."""
        from rl.apart import ApartTD3

        names = ("policy_delay", "target_policy_noise", "target_noise_clip")
        own: dict[str, Any] = {name: getattr(self, name) for name in names}
        model: BaseAlgorithm = self.model(ApartTD3, env, device, place, slack, action_noise=self.noise(env), **own)
        return model


class DdpgAgent(ActorCriticPart):
    """SB3's DDPG: TD3 with one critic, no delay and no noise on the target policy."""

    conducts: ClassVar[tuple[str, ...]] = (*APART, *OFTEN, "noise_std")
    columns: ClassVar[Mapping[str, str]] = Td3Agent.columns

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "noise_type": "none"}

    agent: Literal["ddpg"]
    noise_type: Literal["none", "normal", "ornstein-uhlenbeck"] = Field("normal", description="noise on the actions")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As SB3 builds it; its optimisers may have rates of their own."""
        from rl.apart import ApartDDPG

        model: BaseAlgorithm = self.model(ApartDDPG, env, device, place, slack, action_noise=self.noise(env))
        return model


def _positive(text: str) -> bool:
    try:
        return 0.0 < float(text) < math.inf
    except ValueError:
        return False

"""Agents of sb3-contrib, behind the extra ``contrib``: TQC, QR-DQN, CrossQ, TRPO, and PPO with LSTMs or with masks."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from lab.errors import UserError
from rl.agents.actor_critic import APART, OFTEN, SoftPart
from rl.agents.on_policy import ClippedPart, OnPolicyPart
from rl.agents.part import AgentPart, Width
from rl.agents.value import ValuePart

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv


class ContribPart(AgentPart):
    """Stands before the family of an agent whose package is an extra."""

    lacks: ClassVar[tuple[str, ...]] = ()
    """Settings of the family that this agent does not read."""

    def check(self, n_envs: int) -> None:
        """The package has to be there, and the agent has to read what is said."""
        if find_spec("sb3_contrib") is None:
            raise UserError(f"agent {self.agent!r} needs the extra contrib; accepted: pip install 'phase-lab[contrib]'")
        for name in self.lacks:
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                why = f"as {self.agent} does not read it; leave it out"
                raise UserError(f"agent.{name}: {value} is not accepted, {why}")
        super().check(n_envs)


class TqcAgent(ContribPart, SoftPart):
    """sb3-contrib's TQC (Kuznetsov et al. 2020): SAC with quantile critics, of whose target the highest are dropped."""

    agent: Literal["tqc"]
    top_quantiles_to_drop_per_net: int = Field(2, ge=0, le=100, description="quantiles of each critic that are dropped")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it; its optimisers may have rates of their own."""
        from rl.apart_contrib import ApartTQC

        own = {**self.own(env), "top_quantiles_to_drop_per_net": self.top_quantiles_to_drop_per_net}
        model: BaseAlgorithm = self.model(ApartTQC, env, device, place, slack, **own)
        return model


class CrossqAgent(ContribPart, SoftPart):
    """sb3-contrib's CrossQ (Bhatt et al. 2024): SAC without target networks, by batch renormalisation."""

    conducts: ClassVar[tuple[str, ...]] = (
        *APART, "learning_rate.entropy", *(name for name in OFTEN if name != "tau"), "ent_coef", "noise_std",
    )  # fmt: skip

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3}
    lacks: ClassVar[tuple[str, ...]] = ("tau", "target_update_interval")

    agent: Literal["crossq"]
    policy_delay: int = Field(3, ge=1, description="updates of the critics for one of the actor")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it; its optimisers may have rates of their own."""
        from rl.apart_contrib import ApartCrossQ

        own = {name: value for name, value in self.own(env).items() if name != "target_update_interval"}
        own["policy_delay"] = self.policy_delay
        model: BaseAlgorithm = self.model(ApartCrossQ, env, device, place, slack, without=("tau",), **own)
        return model


class QrdqnAgent(ContribPart, ValuePart):
    """sb3-contrib's QR-DQN (Dabney et al. 2018): DQN that learns quantiles of the return."""

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-5, "max_grad_norm": 1e9}

    agent: Literal["qrdqn"]
    exploration_fraction: float = Field(
        0.005, ge=0.0, le=1.0, description="share of the run over which random actions become fewer"
    )
    exploration_final_eps: float = Field(0.01, ge=0.0, le=1.0, description="share of random actions after that")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it."""
        from sb3_contrib import QRDQN

        model: BaseAlgorithm = self.model(QRDQN, env, device, place, slack, **self.own())
        return model


class TrpoAgent(ContribPart, OnPolicyPart):
    """sb3-contrib's TRPO (Schulman et al. 2015): the largest step within a divergence, by conjugate gradients."""

    conducts: ClassVar[tuple[str, ...]] = ("learning_rate", "target_kl", "gamma", "gae_lambda")
    columns: ClassVar[Mapping[str, str]] = {
        "train/policy_objective": "objective/policy",
        "train/value_loss": "loss/value",
        "train/kl_divergence_loss": "approx_kl",
        "train/explained_variance": "explained_variance",
    }

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "n_steps": 2048}
    lacks: ClassVar[tuple[str, ...]] = ("max_grad_norm",)

    agent: Literal["trpo"]
    batch_size: int = Field(128, ge=2, description="transitions per gradient step of the value network")
    cg_max_steps: int = Field(15, ge=1, le=1000, description="steps of conjugate gradients")
    cg_damping: float = Field(0.1, ge=0.0, description="added to the Hessian's diagonal")
    sub_sampling_factor: int = Field(1, ge=1, description="one transition in so many is enough for the Fisher matrix")
    n_critic_updates: int = Field(10, ge=1, le=10_000, description="passes over a rollout of the value network")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it."""
        from sb3_contrib import TRPO

        from rl.agents.policies import arguments_of, policy_of

        names = ("batch_size", "cg_max_steps", "cg_damping", "n_critic_updates", "sub_sampling_factor")
        own: dict[str, Any] = {name: value for name, value in self.settings().items() if name != "max_grad_norm"}
        own |= {name: getattr(self, name) for name in names}
        model: BaseAlgorithm = TRPO(policy_of(self, env), env, policy_kwargs=arguments_of(self), device=device, **own)
        return model


class RecurrentPpoAgent(ContribPart, ClippedPart):
    """sb3-contrib's RecurrentPPO: PPO whose policy remembers what it saw since its episode began, by LSTMs."""

    actions: ClassVar[tuple[str, ...]] = ("Box", "Discrete", "MultiDiscrete")
    policies: ClassVar[str] = "LstmPolicy"
    has_rollouts: ClassVar[bool] = False  # of single transitions, as its memory needs the whole episode
    of_policy: ClassVar[tuple[str, ...]] = ("lstm_hidden_size", "n_lstm_layers", "shared_lstm", "enable_critic_lstm")
    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-4, "batch_size": 128}

    agent: Literal["recurrent_ppo"]
    lstm_hidden_size: Width = Field(256, description="units of each layer of an LSTM")
    n_lstm_layers: int = Field(1, ge=1, le=64, description="layers of an LSTM")
    shared_lstm: bool = Field(False, description="the critic reads the actor's LSTM, and does not train it")
    enable_critic_lstm: bool = Field(
        True, description="the critic has an LSTM of its own; otherwise it sees the moment"
    )

    def check(self, n_envs: int) -> None:
        """The critic has one LSTM at most, and an LSTM's batches lie as sb3-contrib lays them."""
        super().check(n_envs)
        said = {name: getattr(self, name) for name in self.of_policy} | dict(self.policy_kwargs)
        if said["shared_lstm"] and said["enable_critic_lstm"]:
            raise UserError("agent.shared_lstm: true is not accepted with enable_critic_lstm: true; with false it is")
        for name in said.get("lstm_kwargs") or {}:
            if name not in ("bias", "dropout"):
                raise UserError(f"agent.policy_kwargs.lstm_kwargs: {name!r} is not accepted; bias, dropout are")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it."""
        from sb3_contrib import RecurrentPPO

        model: BaseAlgorithm = self.model(RecurrentPPO, env, device)
        return model


class MaskablePpoAgent(ContribPart, ClippedPart):
    """sb3-contrib's MaskablePPO: PPO that chooses among what the environment's ``action_masks()`` allows."""

    actions: ClassVar[tuple[str, ...]] = ("Discrete", "MultiDiscrete", "MultiBinary")
    masked: ClassVar[bool] = True
    has_rollouts: ClassVar[bool] = False  # that are complete without the masks

    agent: Literal["maskable_ppo"]
    use_sde: Literal[False] = Field(False, description="gSDE is for actions in a Box")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As sb3-contrib builds it."""
        from sb3_contrib import MaskablePPO

        model: BaseAlgorithm = self.model(MaskablePPO, env, device, without=("use_sde", "sde_sample_freq"))
        return model

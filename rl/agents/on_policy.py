"""Agents that learn from each rollout once: PPO (Schulman et al. 2017) and A2C (Mnih et al. 2016)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from lab.errors import UserError
from rl.agents.part import AgentPart, Share

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv

LONGEST_ROLLOUT = 20_000_000
"""Transitions; every one of them is kept in memory until the update."""


class OnPolicyPart(AgentPart):
    """What these agents share: rollouts of ``n_envs * n_steps`` transitions, and advantages by GAE."""

    standardises: ClassVar[bool] = True
    has_rollouts: ClassVar[bool] = True

    n_steps: int = Field(128, ge=1, le=1_000_000, description="steps of each environment in a rollout")
    gae_lambda: Share = Field(0.95, description="bias-variance of the advantage estimate")
    max_grad_norm: float = Field(0.5, gt=0.0, description="gradients are clipped to this global norm")
    normalize_advantage: bool = Field(True, description="standardise the advantages of each minibatch")
    use_sde: bool = Field(False, description="explore by noise that depends on the state (gSDE)")
    sde_sample_freq: int = Field(-1, ge=-1, description="steps between draws of that noise; -1: once a rollout")

    def check(self, n_envs: int) -> None:
        """A rollout has to fit into memory."""
        if n_envs * self.n_steps > LONGEST_ROLLOUT:
            raise UserError(
                f"n_steps: a rollout of n_envs * n_steps = {n_envs * self.n_steps} is not accepted; "
                f"{LONGEST_ROLLOUT} is"
            )

    def settings(self) -> dict[str, Any]:
        """Arguments of SB3's class that both have."""
        names = ("n_steps", "gamma", "gae_lambda", "max_grad_norm", "normalize_advantage", "use_sde", "sde_sample_freq")
        return {name: getattr(self, name) for name in names}

    def iterate(self, model: Any, env: VecEnv, callback: BaseCallback) -> None:
        """One rollout and one update."""
        model.collect_rollouts(env, callback, model.rollout_buffer, model.n_steps)
        model._update_current_progress_remaining(model.num_timesteps, model._total_timesteps)
        model.train()


class ClippedPart(OnPolicyPart):
    """PPO and its kin: several passes over a rollout in minibatches, within a clip range."""

    conducts: ClassVar[tuple[str, ...]] = (
        "learning_rate", "clip_range", "clip_range_vf", "ent_coef", "vf_coef", "target_kl", "max_grad_norm", "gamma",
        "gae_lambda", "n_epochs",
    )  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "train/policy_gradient_loss": "loss/policy",
        "train/value_loss": "loss/value",
        "train/entropy_loss": "loss/entropy",
        "train/approx_kl": "approx_kl",
        "train/clip_fraction": "clip_fraction",
        "train/explained_variance": "explained_variance",
    }

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-4, "n_steps": 2048, "batch_size": 64}

    batch_size: int = Field(256, ge=2, description="transitions per gradient step")
    n_epochs: int = Field(10, ge=1, le=10_000, description="passes over each rollout")

    def check(self, n_envs: int) -> None:
        """A smaller last batch would weigh its samples more; one of a single sample has no advantage deviation."""
        super().check(n_envs)
        rollout = n_envs * self.n_steps
        if rollout % self.batch_size:
            raise UserError(
                f"batch_size: {self.batch_size} is not accepted; "
                f"a divisor of the rollout, n_envs * n_steps = {rollout}, is expected"
            )

    def model(self, kind: Any, env: VecEnv, device: torch.device, without: Collection[str] = ()) -> Any:
        """A class with SB3's arguments of PPO, but for those it is ``without``.

        The voices overwrite the numbers that the clock conducts before they are first read.
        """
        from rl.agents.policies import arguments_of, policy_of

        return kind(
            policy_of(self, env),
            env,
            batch_size=self.batch_size,
            n_epochs=self.n_epochs,
            ent_coef=0.0,
            policy_kwargs=arguments_of(self),
            device=device,
            **{name: value for name, value in self.settings().items() if name not in without},
        )


class PpoAgent(ClippedPart):
    """SB3's PPO, leaner: :class:`rl.ppo.LeanPPO`."""

    agent: Literal["ppo"] = "ppo"

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As :class:`rl.ppo.LeanPPO` is built."""
        from rl.ppo import LeanPPO

        model: BaseAlgorithm = self.model(LeanPPO, env, device)
        return model


class A2cAgent(OnPolicyPart):
    """SB3's A2C: one gradient step a rollout."""

    conducts: ClassVar[tuple[str, ...]] = (
        "learning_rate", "ent_coef", "vf_coef", "max_grad_norm", "gamma", "gae_lambda",
    )  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "train/policy_loss": "loss/policy",
        "train/value_loss": "loss/value",
        "train/entropy_loss": "loss/entropy",
        "train/explained_variance": "explained_variance",
    }

    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 7e-4}

    agent: Literal["a2c"]
    n_steps: int = Field(5, ge=1, le=1_000_000, description="steps of each environment in a rollout")
    gae_lambda: Share = Field(1.0, description="bias-variance of the advantage estimate")
    normalize_advantage: bool = Field(False, description="standardise the advantages of each rollout")
    use_rms_prop: bool = Field(True, description="RMSprop; otherwise Adam")
    rms_prop_eps: float = Field(1e-5, gt=0.0, description="added to RMSprop's denominator")

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """As SB3 builds it."""
        from stable_baselines3 import A2C

        from rl.agents.policies import arguments_of, policy_of

        return A2C(
            policy_of(self, env),  # type: ignore[arg-type]
            env,
            use_rms_prop=self.use_rms_prop,
            rms_prop_eps=self.rms_prop_eps,
            policy_kwargs=arguments_of(self),
            device=device,
            **self.settings(),
        )

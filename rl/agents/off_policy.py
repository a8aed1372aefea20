"""What agents share that learn from a replay buffer: collecting into it, and gradient steps on draws from it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from lab.errors import UserError
from rl.agents.part import AgentPart, Share

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv


LONGEST_EPISODE = 10_000
"""Steps; what an episode is taken to have at most where the configuration does not say it."""


class OffPolicyPart(AgentPart):
    """A replay buffer, which lies in files of the run, and how often the networks are trained on it."""

    buffer_size: int = Field(1_000_000, ge=1, le=100_000_000, description="transitions that are remembered")
    learning_starts: int = Field(100, ge=0, description="steps with random actions before the first gradient step")
    batch_size: int = Field(256, ge=1, description="transitions per gradient step")
    tau: Share = Field(0.005, description="how far the target networks go towards the trained ones")
    train_freq: int | tuple[int, Literal["step", "episode"]] = Field(
        1, description="steps of each environment, or [episodes, episode], between trainings"
    )
    gradient_steps: int = Field(1, ge=-1, description="gradient steps a training; -1: as many as steps were taken")

    def check(self, n_envs: int) -> None:
        """Episodes can be counted in one environment only, and a frequency is at least 1."""
        every, unit = self.train_freq if isinstance(self.train_freq, tuple) else (self.train_freq, "step")
        if every < 1:
            raise UserError(f"agent.train_freq: {every} is not accepted; at least 1 is")
        if unit == "episode" and n_envs > 1:
            raise UserError(f"agent.train_freq: episodes are counted with n_envs: 1, not {n_envs}; [{every}, step] is")
        if self.gradient_steps == 0:
            raise UserError("agent.gradient_steps: 0 is not accepted; at least 1, or -1, is")

    def longest_iteration(self, episode: int | None) -> int:
        """The steps between trainings, or as many episodes of the longest length."""
        if not isinstance(self.train_freq, tuple):
            return self.train_freq
        every, unit = self.train_freq
        return every if unit == "step" else every * (episode or LONGEST_EPISODE)

    def model(
        self,
        kind: Any,
        env: VecEnv,
        device: torch.device,
        place: Path | None,
        slack: int,
        without: Collection[str] = (),
        **own: Any,
    ) -> Any:
        """SB3's class with what all of these have, but for what it does ``without``."""
        from rl.agents.policies import arguments_of, policy_of
        from rl.replay import Replay

        names = ("buffer_size", "learning_starts", "batch_size", "tau", "gamma", "train_freq", "gradient_steps")
        return kind(
            policy_of(self, env),
            env,
            **{name: getattr(self, name) for name in names if name not in without},
            replay_buffer_class=Replay,
            replay_buffer_kwargs={"place": place, "slack": slack},
            policy_kwargs=arguments_of(self),
            device=device,
            **own,
        )

    def iterate(self, model: Any, env: VecEnv, callback: BaseCallback) -> None:
        """As ``OffPolicyAlgorithm.learn`` between two collections."""
        rollout = model.collect_rollouts(
            env,
            train_freq=model.train_freq,
            action_noise=model.action_noise,
            callback=callback,
            learning_starts=model.learning_starts,
            replay_buffer=model.replay_buffer,
        )
        if model.num_timesteps > model.learning_starts:
            steps = model.gradient_steps if model.gradient_steps > 0 else rollout.episode_timesteps
            model.train(batch_size=model.batch_size, gradient_steps=steps)

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """A subclass names its class."""
        raise NotImplementedError

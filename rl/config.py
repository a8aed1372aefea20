"""The configuration of the RL trainer: every field is documented where it is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from curricula.teachers import TEACHERS, NoCurriculum, TeacherConfig
from lab.door.jsons import LAST
from lab.errors import UserError
from lab.training.config import Config, Device, RunConfig
from rl import tasks

LONGEST_ROLLOUT = 20_000_000
"""Transitions; every one of them is kept in memory until the update."""
Difficulty = Annotated[float, Field(ge=0.0, le=1.0)]


class EvaluationConfig(Config):
    """What an evaluation plays: whole episodes of the deterministic policy at each difficulty of a grid."""

    difficulties: tuple[Difficulty, ...] = Field(
        (0.0, 0.25, 0.5, 0.75, 1.0),
        min_length=1,
        max_length=1000,
        description="the grid; 1 (the target task) is always played",
    )
    episodes: int = Field(10, ge=1, le=10_000, description="episodes per difficulty")

    def grid(self) -> tuple[float, ...]:
        """The difficulties played, ascending, each once, the target task last."""
        return tuple(sorted({*self.difficulties, 1.0}))


class RlConfig(RunConfig):
    """One PPO run. The voice ``learning_rate`` is required; every other voice is optional."""

    device: Device = Field("cpu", description="networks of this size are faster on the CPU; cuda and auto are obeyed")
    log_every: int = Field(2048, ge=1, le=LAST, description="steps between rows of training metrics")
    evaluate_every: int = Field(10_240, ge=1, le=LAST, description="steps between evaluations")
    checkpoint_every: int = Field(20_480, ge=1, le=LAST, description="steps between checkpoints")

    task: str = Field(description="a task of curricula.task_ids(), any Gymnasium id, or one of your own: module:Id-v0")
    axes: Mapping[str, Any] = Field(
        default_factory=dict, description="what difficulty moves, e.g. {power: {easy: 1.0, target: 0.5}}"
    )
    success: str | float | None = Field(
        None,
        description="of an environment adapted by axes: terminated, a least return, or a key of info; null: its own",
    )
    max_episode_steps: int | None = Field(
        None, ge=1, le=LAST, description="steps after which an episode is cut; null: the task's"
    )
    curriculum: Annotated[TeacherConfig, TEACHERS] = Field(
        NoCurriculum(), description="who chooses the difficulty of the next episode"
    )

    n_envs: int = Field(16, ge=1, le=100_000, description="environments stepped side by side")
    n_steps: int = Field(128, ge=1, le=1_000_000, description="steps of each environment in a rollout")
    batch_size: int = Field(256, ge=2, description="transitions per gradient step")
    n_epochs: int = Field(10, ge=1, le=10_000, description="passes over each rollout")
    gamma: float = Field(0.99, gt=0.0, le=1.0, description="discount")
    gae_lambda: float = Field(0.95, ge=0.0, le=1.0, description="bias-variance of the advantage estimate")
    max_grad_norm: float = Field(0.5, gt=0.0, description="gradients are clipped to this global norm")
    hidden: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = Field(
        (64, 64), max_length=64, description="widths of the hidden layers of policy and of value network"
    )
    activation: Literal["tanh", "relu"] = Field("tanh", description="between the layers")
    normalise_observations: bool = Field(True, description="standardise observations (of floats) by running moments")
    normalise_rewards: bool = Field(False, description="divide rewards by the running deviation of the return")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)

    @model_validator(mode="after")
    def _whole_batches(self) -> RlConfig:
        """A smaller last batch would weigh its samples more; one of a single sample has no advantage deviation."""
        rollout = self.n_envs * self.n_steps
        if rollout > LONGEST_ROLLOUT:
            raise UserError(f"n_steps: a rollout of n_envs * n_steps = {rollout} is not accepted; {LONGEST_ROLLOUT} is")
        if rollout % self.batch_size:
            raise UserError(
                f"batch_size: {self.batch_size} is not accepted; "
                f"a divisor of the rollout, n_envs * n_steps = {rollout}, is expected"
            )
        return self

    @model_validator(mode="after")
    def _known_task(self) -> RlConfig:
        """A misspelt task or axis, or a curriculum of nothing, is told before there is a run directory."""
        curriculum = self.curriculum.kind if self.curriculum.needs_difficulty else None
        tasks.check(self.task, self.axes, curriculum, self.success)
        return self

    def own_modules(self) -> list[str]:
        """Modules of another package that brought parts or the task, for the provenance."""
        module = tasks.module_of(self.task)
        return sorted({*super().own_modules(), *([module] if module else [])})

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The quantities the clock may conduct."""
        return {
            "learning_rate": "Adam's step size, of policy and value network together",
            "clip_range": "PPO's clip range",
            "ent_coef": "weight of the entropy bonus",
            "vf_coef": "weight of the value loss",
            "target_kl": "an update stops early beyond 1.5 times this divergence",
        }

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """All but the learning rate; left out, they stand at PPO's usual values (0.2, 0, 0.5, no limit)."""
        return [name for name in cls.voice_names() if name != "learning_rate"]

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A negative learning rate would climb the loss; PPO means nothing by a negative clip range or weight."""
        return dict.fromkeys(cls.voice_names(), (0.0, math.inf))

    @classmethod
    def measured_names(cls) -> tuple[str, ...]:
        """What a voice may follow besides another voice: the teacher's difficulty."""
        return ("difficulty",)

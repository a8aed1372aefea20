"""The configuration of the RL trainer: every field is documented where it is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from curricula.teachers import TEACHERS, NoCurriculum, TeacherConfig
from lab.door.jsons import LAST
from lab.errors import UserError
from lab.phase import Conductor, PhaseError
from lab.training.config import Config, Device, RunConfig
from rl import tasks, zoo
from rl.agents import AGENTS, AgentPart, PpoAgent
from rl.quantities import QUANTITIES, RATE

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
    threshold: float | None = Field(
        None, description="the share of successes (or the return, where the task has no aim) whose first step is noted"
    )

    @field_validator("difficulties")
    @classmethod
    def _distinct(cls, difficulties: tuple[float, ...]) -> tuple[float, ...]:
        """Columns are named by two decimals."""
        names: dict[str, float] = {}
        for level in sorted({*difficulties, 1.0}, reverse=True):
            other = names.setdefault(f"{level:.2f}", level)
            if other != level:
                raise ValueError(f"{level} and {other} are one to two decimals; others are accepted")
        return difficulties

    def grid(self) -> tuple[float, ...]:
        """The difficulties played, ascending, each once, the target task last."""
        return tuple(sorted({*self.difficulties, 1.0}))


class RlConfig(RunConfig):
    """One run of an agent. The voice ``learning_rate`` is required; every other voice is optional.

    An agent's settings may stand beside ``agent:`` instead of in it, as in rl-zoo's files (:mod:`rl.zoo`).
    """

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

    agent: Annotated[AgentPart, AGENTS] = Field(PpoAgent(), description="who learns, and its settings")
    n_envs: int = Field(16, ge=1, le=100_000, description="environments stepped side by side")
    normalise_observations: bool | None = Field(
        None, description="standardise observations (of floats) by running moments; null: as the agent is mostly run"
    )
    normalise_rewards: bool = Field(False, description="divide rewards by the running deviation of the return")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    curvature: bool = Field(
        False, description="measure leading curvature and gradient noise of the policy's loss at each evaluation"
    )
    ensemble_size: int = Field(
        0, ge=0, le=100, description="policies that are kept of the learning rate's troughs, the newest"
    )

    @classmethod
    def rewritten(cls, mapping: Mapping[str, Any], changed: bool) -> Mapping[str, Any]:
        """Settings of the agent that stand beside it, and rl-zoo's names, where they belong."""
        return zoo.translated(mapping, cls.model_fields, beside_counts=changed)

    @model_validator(mode="after")
    def _goes_together(self) -> RlConfig:
        """Settings of the agent that the number of environments decides about; what can be measured of it."""
        self.agent.check(self.n_envs)
        if self.curvature and not self.agent.has_rollouts:
            raise UserError(
                f"curvature: an agent {self.agent.agent!r} has no rollouts to measure it on; false is accepted"
            )
        return self

    @model_validator(mode="after")
    def _known_task(self) -> RlConfig:
        """A misspelt task or axis, or a curriculum of nothing, is told before there is a run directory."""
        curriculum = self.curriculum.kind if self.curriculum.needs_difficulty else None
        tasks.check(self.task, self.axes, curriculum, self.agent, self.success)
        if names := tasks.axis_names_of(self.task, self.axes):
            try:
                self.curriculum.build_for(names)
            except UserError as error:
                raise UserError(f"curriculum.{error}") from error
        return self

    @model_validator(mode="after")
    def _has_troughs(self) -> RlConfig:
        """Policies are kept at moments that the learning rate must have."""
        if self.ensemble_size:
            try:
                Conductor({RATE: (self.parsed_voices()[RATE], None)}).on("trough", of=RATE, do=int)
            except PhaseError as error:
                raise UserError(
                    f"ensemble_size: the learning rate has no trough to keep a policy at ({error})"
                ) from error
        return self

    @property
    def standardised(self) -> bool:
        """Whether observations are standardised."""
        said = self.normalise_observations
        return self.agent.standardises if said is None else said

    def own_modules(self) -> list[str]:
        """Modules of another package that brought parts or the task, for the provenance."""
        module = tasks.module_of(self.task)
        return sorted({*super().own_modules(), *([module] if module else [])})

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        """The quantities the clock may conduct, of one agent or another."""
        return {name: quantity.what for name, quantity in QUANTITIES.items()}

    def known_voices(self) -> Mapping[str, str]:
        """Those that this agent has."""
        return {name: QUANTITIES[name].what for name in self.agent.conducts}

    def lacks(self, name: str) -> str:
        """An agent may lack what another has."""
        return f"agent {self.agent.agent!r} has none" if name in QUANTITIES else super().lacks(name)

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        """All but the learning rate; left out, they stand at the agent's settings, or at SB3's usual values."""
        return [name for name in QUANTITIES if name != RATE]

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A negative learning rate would climb the loss; nothing is meant by a negative clip range or weight."""
        return {name: (quantity.least, quantity.most) for name, quantity in QUANTITIES.items()}

    def measured_names(self) -> tuple[str, ...]:
        """What a voice may follow besides another voice: the difficulty the teacher asks for, and its frontier."""
        return ("difficulty", "frontier")

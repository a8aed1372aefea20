"""What an agent is to the RL trainer: settings, the model that SB3 builds from them, and one iteration of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lab.training.parts import Part

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv

Width = Annotated[int, Field(ge=1, le=16_384)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class AgentPart(Part):
    """An agent's settings as fields, under Stable-Baselines3's own names where SB3 has them.

    A subclass names the quantities that its model reads while it trains (``conducts``); of the others a voice is
    refused. One of your own subclasses it, or a family's base, in any module.
    """

    conducts: ClassVar[tuple[str, ...]] = ()
    """Names of :data:`rl.quantities.QUANTITIES`."""
    columns: ClassVar[Mapping[str, str]] = {}
    """What SB3 calls the quantities of an update, and what the metrics log calls them."""
    actions: ClassVar[tuple[str, ...]] = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
    """Action spaces that it can act in."""
    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-4}
    """What SB3 has where a file of rl-zoo says nothing, and the defaults here are others."""
    policies: ClassVar[str] = "Policy"
    """How its policies' words end: Mlp…, Cnn… and MultiInput…"""
    of_policy: ClassVar[tuple[str, ...]] = ()
    """Settings that are arguments of its policy."""
    masked: ClassVar[bool] = False
    """Whether it asks the environment which actions are allowed, by sb3-contrib's convention (:mod:`rl.masks`)."""
    standardises: ClassVar[bool] = False
    """Whether observations are standardised unless the configuration says otherwise."""

    has_rollouts: ClassVar[bool] = False
    """Whether it learns from rollouts whose loss :mod:`rl.curvature` can look at."""

    agent: str
    policy: str = Field(
        "auto", description="auto: as the observations ask for; or SB3's word, or my_package.module:MyPolicy"
    )
    policy_kwargs: Mapping[str, Any] = Field(
        default_factory=dict, description="of SB3's policy, as plain data, e.g. {ortho_init: false}"
    )
    hidden: tuple[Width, ...] | None = Field(
        None, max_length=64, description="widths of the hidden layers of every network; null: SB3's own"
    )
    activation: Literal["tanh", "relu", "leakyrelu", "elu", "gelu", "silu"] | None = Field(
        None, description="between the layers; null: SB3's own"
    )
    gamma: float = Field(0.99, gt=0.0, le=1.0, description="discount")

    def check(self, n_envs: int) -> None:
        """Refuse settings that do not go together, with a UserError."""

    def longest_iteration(self, episode: int | None) -> int:
        """Steps of each environment that one iteration takes at most; of episodes whose length is known, or guessed."""
        return 1

    def build(self, env: VecEnv, device: torch.device, place: Path | None = None, slack: int = 0) -> BaseAlgorithm:
        """The model at step 0; its random numbers are drawn from the global generators.

        Args:
            env: of the run.
            device: where the networks lie.
            place: a directory for what is too big for a checkpoint; None keeps it in memory.
            slack: steps of each environment that may be taken after a checkpoint which is still to be gone back to.
        """
        raise NotImplementedError

    def iterate(self, model: Any, env: VecEnv, callback: BaseCallback) -> None:
        """Collect experience once, and update from it, as the model's ``learn`` does between two callbacks."""
        raise NotImplementedError

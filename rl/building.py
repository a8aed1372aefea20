"""The model of a run: what SB3 builds from the configuration, ready for the laboratory's loop."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.logger import Logger

from lab.door.text import one_line
from lab.errors import UserError
from lab.training.checkpoints import KEEP
from lab.training.dense import quicken
from lab.training.trainer import Context
from rl.config import RlConfig
from rl.normalise import Normalised
from rl.state import refuse_unknown_optimizers

LONGER: int = RlConfig.model_fields["checkpoint_every"].default
"""Steps between checkpoints, unless a configuration says otherwise."""


def build(config: RlConfig, env: Normalised, context: Context) -> Any:
    """The agent at step 0; its voices overwrite the numbers that the clock conducts before they are first read.

    Args:
        config: the run.
        env: what it learns from.
        context: its device, and where a replay buffer may lie.

    Raises:
        UserError: the agent, its policy or its optimiser cannot be as the configuration says.
    """
    # Steps of each environment that may follow the oldest checkpoint which a resume goes back to; of a short run as
    # many as of one of LONGER steps, since a resume may make it longer.
    between = -(-min(config.checkpoint_every, max(config.steps, LONGER)) // config.n_envs)
    longest = config.agent.longest_iteration(config.max_episode_steps)
    slack = (min(config.keep_checkpoints, KEEP) + 1) * (between + longest)
    try:
        model = config.agent.build(env, context.device, context.snapshots / "replay", slack)
    except UserError:
        raise
    except (TypeError, ValueError, AssertionError, AttributeError, RuntimeError) as error:  # of policy_kwargs, say
        reason = one_line(f"{type(error).__name__}: {' '.join(str(error).split())}", 300)
        raise UserError(f"agent {config.agent.agent!r} cannot be built: {reason}") from error
    quicken(model.policy)
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.action_space.seed(config.seed)
    refuse_unknown_optimizers(model)
    if env.observations is not None or env.rewards is not None:
        model._vec_normalize_env = env  # type: ignore[assignment]  # has what is asked of a VecNormalize
    return model

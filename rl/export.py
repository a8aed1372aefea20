"""A trained agent as Stable-Baselines3 keeps one: a zip, and a VecNormalize beside it.

Both are pickles, which SB3's users load and this laboratory never does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from rl.normalise import Moments, Normalised, ObservationMoments
from rl.trainer import RlTrainer

PACKAGES = ("stable_baselines3", "sb3_contrib")
NOT_EXPORTED = ("replay_buffer_class", "replay_buffer_kwargs", "rates")
"""What a zip would need this package for: SB3 then has its own."""


def export(trainer: RlTrainer, out: Path) -> list[str]:
    """Write the agent to ``out``, and what its observations are standardised by beside it.

    Returns:
        A line for each file that says what it is for.
    """
    trainer.model.save(out, exclude=NOT_EXPORTED)
    told = [f"{out}: load it with {origin(type(trainer.model))}.load"]
    moments, normalised = trainer.env.observations, out.with_suffix(".vecnormalize.pkl")
    if moments is not None or trainer.env.rewards is not None:
        as_vec_normalize(trainer.env).save(str(normalised))
        more = "training" if trainer.env.rewards is None else "training and norm_reward"
        told.append(
            f"{normalised}: for stable_baselines3.common.vec_env.VecNormalize.load(…, venv); "
            f"set its {more} to True to go on training"
        )
    if moments is not None:
        plain = out.with_suffix(".normalisation.json")
        plain.write_text(json.dumps(_plain(moments)) + "\n")
        told.append(f"{plain}: the same as numbers: the agent sees (o - mean) / sqrt(variance)")
    return told


def origin(kind: type[Any]) -> str:
    """The class of SB3's that a model's own is made from, as one imports it."""
    found = next(each for each in kind.__mro__ if each.__module__.partition(".")[0] in PACKAGES)
    return f"{found.__module__.partition('.')[0]}.{found.__name__}"


def as_vec_normalize(env: Normalised) -> VecNormalize:
    """SB3's normalisation with the same moments; it learns no more."""
    seen = env.observations
    keys = list(seen) if isinstance(seen, dict) else None
    found = VecNormalize(
        env.venv, training=False, norm_obs=seen is not None, norm_reward=False, gamma=env.gamma, norm_obs_keys=keys
    )
    if isinstance(seen, dict):
        found.obs_rms = {name: _running(part) for name, part in seen.items()}
    elif seen is not None:
        found.obs_rms = _running(seen)  # type: ignore[assignment]  # a dictionary for a Dict alone
    if env.rewards is not None:
        found.ret_rms = _running(env.rewards)
    return found


def _running(moments: Moments) -> RunningMeanStd:
    found = RunningMeanStd(shape=moments.mean.shape)
    found.mean, found.var, found.count = moments.mean.copy(), moments.variance.copy(), moments.count
    return found


def _plain(moments: ObservationMoments) -> dict[str, Any]:
    """Mean and variance; of a Dict, those of every entry that is standardised."""
    if isinstance(moments, dict):
        return {name: _plain(part) for name, part in moments.items()}
    return {"mean": moments.mean.tolist(), "variance": moments.variance.tolist()}

"""Where a number lives in a running Stable-Baselines3 model, and how to change it so that the model notices."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import ConstantSchedule, FloatSchedule

from lab.errors import UserError
from rl.apart import RatesApart

Setter = Callable[[float], None]

_READ_LIVE = ("ent_coef", "vf_coef", "target_kl", "max_grad_norm", "tau", "target_policy_noise")
_WHOLE = ("n_epochs", "batch_size", "gradient_steps", "target_update_interval", "policy_delay")
_SCHEDULED = ("clip_range", "clip_range_vf")
_UNREAD = {
    "DDPG": ("target_policy_noise",),
    "TRPO": ("ent_coef", "vf_coef", "max_grad_norm"),
    "CrossQ": ("tau",),
}
"""What a model has by inheritance, and its ``train()`` does not read."""
_FROZEN = {
    "n_steps": "the rollout buffer is allocated for it",
    "n_envs": "the environments exist already",
    "buffer_size": "the replay buffer is allocated for it",
    "exploration_fraction": "SB3 reads it when the model is built; conduct exploration_rate",
    "exploration_initial_eps": "SB3 reads it when the model is built; conduct exploration_rate",
    "exploration_final_eps": "SB3 reads it when the model is built; conduct exploration_rate",
    "num_timesteps": "it is the clock itself",
    "target_entropy": "it belongs to SAC's own adaptation",
}


def live_target(model: BaseAlgorithm, name: str) -> Setter:
    """A function that sets the model's number ``name`` so that the next rollout and update use it.

    Raises:
        UserError: the model has no such number, does not read it while training, or learns it itself.
    """
    kind = _name_of(type(model))
    if name in _FROZEN and hasattr(model, name):
        raise UserError(f"{name}: {kind} does not read it while it trains ({_FROZEN[name]})")
    accepted = _accepted(model)
    if name not in accepted:
        close = difflib.get_close_matches(name, accepted, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        if name == "noise_std" and hasattr(model, "action_noise"):
            hint = ", as it has no noise on its actions (action_noise, in a configuration agent.noise_type: normal)."
        raise UserError(f"{name}: {kind} has no such live number{hint} Accepted: {', '.join(accepted)}")
    return accepted[name](model, name)


def _name_of(kind: type) -> str:
    """SB3's own name of a class of models, of which the laboratory's is a leaner one."""
    own = (each for each in kind.__mro__ if each.__module__.partition(".")[0] in ("stable_baselines3", "sb3_contrib"))
    return next(own, kind).__name__


def _accepted(model: BaseAlgorithm) -> dict[str, Callable[[Any, str], Setter]]:
    """The live numbers of this model, each with the maker of its setter."""
    makers: dict[str, Callable[[Any, str], Setter]] = {"learning_rate": _learning_rate, "gamma": _discount}
    for names, maker in ((_READ_LIVE, _attribute), (_WHOLE, _whole), (_SCHEDULED, _schedule)):
        makers.update({name: maker for name in names if hasattr(model, name)})
    if hasattr(model, "gae_lambda"):
        makers["gae_lambda"] = _discount
    if hasattr(model, "ent_coef_tensor") or hasattr(model, "log_ent_coef"):
        makers["ent_coef"] = _soft_entropy
    if hasattr(model, "exploration_schedule"):
        makers["exploration_rate"] = _exploration
    if getattr(model, "action_noise", None) is not None:
        makers["noise_std"] = _noise
    if isinstance(model, RatesApart):
        makers.update({f"learning_rate.{player}": _rate_apart for player, _ in model.players()})
    unread = _UNREAD.get(_name_of(type(model)), ())
    return {name: maker for name, maker in makers.items() if name not in unread}


def _attribute(model: Any, name: str) -> Setter:
    """A plain attribute that ``train()`` reads."""
    return lambda value: setattr(model, name, float(value))


def _whole(model: Any, name: str) -> Setter:
    """A plain attribute that counts something."""
    return lambda value: setattr(model, name, max(1, round(value)))


def _schedule(model: Any, name: str) -> Setter:
    """A schedule of progress, replaced by a constant one."""
    return lambda value: setattr(model, name, FloatSchedule(ConstantSchedule(float(value))))


def _learning_rate(model: Any, name: str) -> Setter:
    """``train()`` overwrites the optimiser's rate from ``lr_schedule``, which is built from ``learning_rate``."""

    def set_rate(value: float) -> None:
        model.learning_rate = float(value)
        model._setup_lr_schedule()

    return set_rate


def _rate_apart(model: Any, name: str) -> Setter:
    """An agent of :mod:`rl.apart` gives one of its optimisers another rate than the others at each ``train()``."""
    player = name.partition(".")[2]
    return lambda value: model.rates.__setitem__(player, float(value))


def _noise(model: Any, name: str) -> Setter:
    """The noise of each environment is an object of its own."""

    def set_deviation(value: float) -> None:
        noise = model.action_noise
        for one in getattr(noise, "noises", [noise]):
            one._sigma = np.full_like(one._sigma, float(value))

    return set_deviation


def _discount(model: Any, name: str) -> Setter:
    """gamma and gae_lambda live in the model, in its buffer, and gamma in a VecNormalize around the environments."""
    normaliser = model.get_vec_normalize_env() if name == "gamma" else None
    owners = (model, getattr(model, "rollout_buffer", None), getattr(model, "replay_buffer", None), normaliser)
    holders = [owner for owner in owners if hasattr(owner, name)]

    def set_discount(value: float) -> None:
        if not 0.0 <= value <= 1.0:
            raise UserError(f"{name} {value}: a number in [0, 1] is accepted")
        for holder in holders:
            setattr(holder, name, float(value))

    return set_discount


def _soft_entropy(model: Any, name: str) -> Setter:
    """SAC freezes a fixed ent_coef into a tensor; an "auto" one is learned, and two masters would fight over it."""
    if getattr(model, "ent_coef_optimizer", None) is not None:
        raise UserError(
            f"ent_coef {model.ent_coef!r}: the model learns it itself; build the model with a number, e.g. ent_coef=0.1"
        )
    tensor: torch.Tensor = model.ent_coef_tensor

    def set_entropy(value: float) -> None:
        tensor.fill_(float(value))
        model.ent_coef = float(value)

    return set_entropy


def _exploration(model: Any, name: str) -> Setter:
    """DQN computes exploration_rate from exploration_schedule at every step."""

    def set_rate(value: float) -> None:
        model.exploration_schedule = ConstantSchedule(float(value))
        model.exploration_rate = float(value)

    return set_rate

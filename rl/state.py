"""All that a Stable-Baselines3 model needs to go on exactly, as tensors and plain values."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.noise import ActionNoise, OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.save_util import recursive_getattr
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from torch.optim import Adam, AdamW, Optimizer, RMSprop

from lab.errors import UserError
from lab.training.adam import LeanAdam
from lab.training.initial import Initial
from lab.training.restoring import ADAM, checked, restore_moments
from rl.normalise import Normalised, load_moments
from rl.replay import Replay

COUNTERS = ("_n_updates", "_episode_num", "_n_calls", "exploration_rate", "_current_progress_remaining")
"""Numbers that SB3's models keep beside their networks, where they have them."""
LSTM = "_last_lstm_states"
"""What a recurrent model remembers of the running episodes: hidden and cell states of the actor and of the critic."""


MOMENTS: Mapping[type[Optimizer], Sequence[str]] = {
    Adam: ADAM,
    AdamW: ADAM,
    LeanAdam: ADAM,
    RMSprop: ("step", "square_avg"),
    RMSpropTFLike: ("step", "square_avg"),
}
"""What an optimiser keeps for each parameter that it has moved."""


def networks(model: Any) -> dict[str, torch.nn.Module]:
    """The model's networks by SB3's name: its policy, target networks inside."""
    return {name: part for name, part in _parts(model).items() if isinstance(part, torch.nn.Module)}


def agent_state(model: Any) -> dict[str, Any]:
    """Networks, optimisers, learnt numbers, counters, noise, memories, the replay buffer, what episodes told."""
    replay = getattr(model, "replay_buffer", None)
    return {
        **{name: network.state_dict() for name, network in networks(model).items()},
        "optimisers": {name: _optimizer_state(optimizer) for name, optimizer in _optimizers(model).items()},
        "variables": {name: variable.detach() for name, variable in _variables(model).items()},
        "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
        "noise": [noise.noise_prev for noise in _noises(model)],
        **({"memory": [part for pair in getattr(model, LSTM) for part in pair]} if hasattr(model, LSTM) else {}),
        "actions": model.action_space.np_random.bit_generator.state,
        "replay": replay.state_dict() if isinstance(replay, Replay) else None,
        "episodes": [{"r": float(e["r"]), "l": int(e["l"])} for e in model.ep_info_buffer or ()],
        "successes": [bool(success) for success in model.ep_success_buffer or ()],
    }


def _optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """Its state; steps that it counts in whole numbers (``RMSpropTFLike``) as tensors, which it counts on in."""
    found = optimizer.state_dict()
    for kept in found["state"].values():
        if isinstance(kept.get("step"), int):
            kept["step"] = torch.tensor(float(kept["step"]))
    return found


def load_networks(model: Any, state: Mapping[str, Any]) -> None:
    """What acting needs."""
    for name, network in networks(model).items():
        network.load_state_dict(state[name])


def begin_with(initial: Initial, model: Any, env: Normalised) -> None:
    """Take over another run's networks, and the moments of observations that they were trained to see through.

    The moments go on from there, as BatchNorm's running statistics would; what rewards are scaled by begins anew.

    Raises:
        UserError: the networks are others, or they see other observations.
    """
    initial.load(networks(model))
    saved = initial.checkpoint.state.get("normaliser")
    seen = saved.get("observations") if isinstance(saved, Mapping) else None
    if (seen is None) != (env.observations is None):
        there, here = ("raw", "standardised") if seen is None else ("standardised", "raw")
        raise UserError(
            f"init_from: {initial.told} sees {there} observations and this one {here}; "
            f"accepted: normalise_observations: {str(seen is not None).lower()}"
        )
    checked(lambda: load_moments(env.observations, seen), f"init_from: {initial.told}: what it sees")


def refuse_unknown_optimizers(model: Any) -> None:
    """Refuse an optimiser whose memory is not known, before it has any that a resume would lose.

    Raises:
        UserError: naming it.
    """
    for optimizer in _optimizers(model).values():
        if type(optimizer) not in MOMENTS:
            accepted = ", ".join(sorted({kind.__name__ for kind in MOMENTS} - {LeanAdam.__name__}))
            raise UserError(
                f"agent.policy_kwargs.optimizer_class: {type(optimizer).__name__} is not accepted, as a resume could "
                f"not restore it; {accepted} are"
            )


def load_agent_state(model: Any, state: Mapping[str, Any]) -> None:
    """Restore :func:`agent_state` into a model that was built alike.

    Args:
        model: at its step 0.
        state: as above.
    """
    load_networks(model, state)
    for name, optimizer in _optimizers(model).items():
        saved = state["optimisers"][name]
        restore_moments(optimizer, saved["state"], MOMENTS[type(optimizer)], some=True)
        for group, old in zip(optimizer.param_groups, saved["param_groups"], strict=True):
            group["lr"] = float(old["lr"])
    with torch.no_grad():
        for name, variable in _variables(model).items():
            variable.copy_(state["variables"][name])
    for name in COUNTERS:
        if hasattr(model, name):
            setattr(model, name, type(getattr(model, name))(state["counters"][name]))
    for noise, previous in zip(_noises(model), state["noise"], strict=True):
        noise.noise_prev = np.array(previous)
    if hasattr(model, LSTM):
        actor_h, actor_c, critic_h, critic_c = (part.to(model.device) for part in state["memory"])
        setattr(model, LSTM, type(getattr(model, LSTM))((actor_h, actor_c), (critic_h, critic_c)))
    model.action_space.np_random.bit_generator.state = state["actions"]
    if state["replay"] is not None:
        model.replay_buffer.load_state_dict(state["replay"])
    size = model._stats_window_size
    model.ep_info_buffer = deque(state["episodes"], maxlen=size)
    model.ep_success_buffer = deque(state["successes"], maxlen=size)


def exploration_jump(model: Any) -> tuple[float, float] | None:
    """The share of random actions now and at the next step, where a longer run takes it back to more of them.

    SB3's schedule is of the run's progress, and there is less of it in a run that was made longer.
    """
    schedule = getattr(model, "exploration_schedule", None)
    if schedule is None:
        return None
    before, after = model.exploration_rate, schedule(1.0 - model.num_timesteps / model._total_timesteps)
    return (before, after) if after > before + 0.01 else None


def _parts(model: Any) -> dict[str, Any]:
    return {name: recursive_getattr(model, name) for name in model._get_torch_save_params()[0]}


def _optimizers(model: Any) -> dict[str, Optimizer]:
    return {name.replace(".", "_"): part for name, part in _parts(model).items() if isinstance(part, Optimizer)}


def _variables(model: Any) -> dict[str, torch.Tensor]:
    return {name: recursive_getattr(model, name) for name in model._get_torch_save_params()[1]}


def _noises(model: Any) -> list[OrnsteinUhlenbeckActionNoise]:
    """Noises that remember where they were."""
    noise: ActionNoise | None = getattr(model, "action_noise", None)
    each = noise.noises if isinstance(noise, VectorizedActionNoise) else [noise]
    return [one for one in each if isinstance(one, OrnsteinUhlenbeckActionNoise)]

"""Reads the names of rl-baselines3-zoo's hyperparameter files, and settings of an agent that stand beside ``agent:``.

A section of rl-zoo's YAML files is flat: SB3's arguments beside ``n_timesteps``, ``normalize``, ``noise_type``, and
schedules as words (``lin_3e-4`` falls linearly to 0). Here an agent's settings are a block of their own, and what the
clock conducts are voices; a flat file is read as if it had been written so.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

from lab.errors import UserError
from rl.agents import AGENTS
from rl.agents.part import AgentPart
from rl.quantities import QUANTITIES

DECAY = "lin_"
"""Begins a schedule that falls linearly from the number that follows to 0 at the end of the run."""
NOT_HERE = (
    "env_wrapper",
    "env_kwargs",
    "vec_env_wrapper",
    "frame_stack",
    "callback",
    "monitor_kwargs",
    "replay_buffer_class",
)
"""rl-zoo's names for which a task of one's own is the way here."""


def translated(mapping: Mapping[str, Any], fields: Mapping[str, Any], beside_counts: bool = False) -> dict[str, Any]:
    """The configuration that a flat one means; one that is not flat is returned as it is.

    Args:
        mapping: plain data, before it is typed.
        fields: those of the configuration, which stay where they are.
        beside_counts: whether a setting beside the agent counts where another value stands in it; otherwise refused.

    Raises:
        UserError: a word that is not rl-zoo's, or a name that has no meaning here.
    """
    given = dict(mapping)
    agent = given.get("agent", "ppo")
    block = {"agent": agent} if isinstance(agent, str) else dict(agent) if isinstance(agent, Mapping) else None
    if block is None:
        return given
    try:
        kind = AGENTS.named(block.get("agent"))
    except ValueError:
        return given  # told when the field itself is read
    _rename(given, {} if beside_counts else {**kind.usual, "n_envs": 1, "normalise_observations": False}, block)
    if beside_counts:
        given["voices"] = _decaying(given.get("voices"), given.get("steps"))
    moved = [name for name in given if name not in fields and _belongs(name, kind)]
    if not moved:
        return given
    for name in moved:
        value = given.pop(name)
        if name in kind.model_fields and not (name in kind.conducts and _is_schedule(value)):
            meant = arguments(value) if name == "policy_kwargs" else value
            if not beside_counts and block.get(name, meant) != meant:
                raise UserError(f"{name}: is {meant!r} beside agent, and {block[name]!r} in it; give it once")
            block[name] = meant
        else:
            voices = given.get("voices", {})
            if not isinstance(voices, Mapping):
                return given  # told when the field itself is read
            if name in voices and not beside_counts:
                raise UserError(f"{name}: is given beside voices, and in them; give it once")
            given["voices"] = {**voices, name: voice(name, value, given.get("steps")) if beside_counts else value}
    return {**given, "agent": block}


def voice(name: str, value: Any, steps: Any) -> Any:
    """A voice from a number, or from a word such as ``lin_0.001``."""
    if not _is_schedule(value):
        return value
    try:
        high = float(value.removeprefix(DECAY))
    except ValueError:
        raise UserError(f"{name}: {value!r} is not accepted; a number, or {DECAY}NUMBER, is") from None
    return {"wave": "sawtooth", "clock": {"period": steps, "cycles": 1}, "low": 0.0, "high": high}


def arguments(value: Any) -> Any:
    """``policy_kwargs`` from rl-zoo's text, ``dict(net_arch=[64], activation_fn=nn.ReLU)``, of which nothing is run.

    Raises:
        UserError: it is anything but a call of ``dict`` with plain values and names of ``nn``.
    """
    if not isinstance(value, str):
        return value
    try:
        call = ast.parse(value.strip(), mode="eval").body
        if isinstance(call, ast.Dict):
            return {str(name): given for name, given in ast.literal_eval(call).items()}
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "dict"):
            raise ValueError
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError
        return {str(keyword.arg): _plain(keyword.value) for keyword in call.keywords}
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        text = value[:80]
        raise UserError(f"policy_kwargs: {text!r} is not accepted; a mapping, or dict(net_arch=[64, 64]), is") from None


def _plain(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "nn":
        return node.attr.lower()
    if isinstance(node, ast.Name) and node.id == RMSpropTFLike.__name__:
        return node.id.lower()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return {str(keyword.arg): _plain(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.List):
        return [_plain(each) for each in node.elts]
    return ast.literal_eval(node)


def _decaying(voices: Any, steps: Any) -> Any:
    """Voices, of which those that are rl-zoo's words become schedules over a run of so many steps."""
    if not isinstance(voices, Mapping):
        return voices
    return {name: voice(str(name), value, steps) for name, value in voices.items()}


def _rename(given: dict[str, Any], usual: Mapping[str, Any], block: Mapping[str, Any]) -> None:
    """rl-zoo's own words for what the configuration calls otherwise, and what it leaves to SB3's defaults."""
    for name in NOT_HERE:
        if given.pop(name, None) is not None:
            raise UserError(f"{name}: is not read from rl-zoo's files; make it part of a task of your own")
    if "normalize" in given:
        both = given.pop("normalize")
        options = arguments(both) if isinstance(both, str) else both
        said = options if isinstance(options, Mapping) else {"norm_obs": bool(options), "norm_reward": bool(options)}
        given["normalise_observations"] = bool(said.get("norm_obs", True))
        given["normalise_rewards"] = bool(said.get("norm_reward", True))
    if "n_timesteps" in given:
        given["steps"] = _whole(given.pop("n_timesteps"))
        given.setdefault("clock", {"period": given["steps"]})
        voices = given.get("voices") if isinstance(given.get("voices"), Mapping) else {}
        for name, value in usual.items():
            if name not in block and name not in (voices or {}):
                given.setdefault(name, value)


def _whole(value: Any) -> Any:
    """``1e5`` is a whole number, too, and so is its text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if number.is_integer() else value


def _belongs(name: str, kind: type[AgentPart]) -> bool:
    return name in kind.model_fields or name in kind.conducts or name in QUANTITIES


def _is_schedule(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(DECAY)

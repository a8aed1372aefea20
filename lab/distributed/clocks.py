"""The voices of each worker: its learning rates ahead by its offset, a cooldown that all share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.distributed.config import DistributedConfig, Workers, followed, rates
from lab.phase import Clock, Constant, Cooled, Follower, Schedule
from lab.phase.schedule import ConstantProduct
from lab.phase.voice import Voice


def of_rank(config: DistributedConfig, rank: int) -> dict[str, Any]:
    """Plain data of one worker's configuration.

    Learning rates, and whatever follows one, are shifted by the worker's offset; all other voices stay with the master
    clock. A cooldown is the learning rates' alone.
    """
    return _moved(config, config.workers.offset(rank))


def of_mean(config: DistributedConfig) -> dict[str, Any]:
    """Plain data of a configuration without workers that goes on as they do together: no offset, their cooldown."""
    return _moved(config, 0.0)


def _moved(config: DistributedConfig, offset: float) -> dict[str, Any]:
    plain = config.plain()
    start = config.steps - round(config.workers.cooldown * config.steps)
    voices = dict(plain["voices"])
    if not offset and start == config.steps:
        return plain
    parsed = config.parsed_voices()
    for name in with_rates(voices):
        voice = parsed[name]
        if isinstance(voice, Schedule | ConstantProduct | Cooled) and offset:
            voice = voice.shifted(offset)
        if start < config.steps and name in rates([name]):
            voice = cooled(voice, config.parsed_clock(), start, config.steps - start)
        if not isinstance(voice, Follower):
            plain["voices"][name] = voice.to_config()
    return plain


def with_rates(voices: Mapping[str, Any]) -> list[str]:
    """The learning rates among voices, and what follows one."""
    return [name for name in voices if rates([name, *followed(name, voices)])]


def moved(config: Mapping[str, Any]) -> list[str]:
    """Voices of a run's plain data that some worker does not have as they stand there."""
    workers = Workers.model_validate_json(json.dumps(config["workers"]))
    return with_rates(config["voices"]) if workers.moved else []


def cooled(voice: Voice | Follower, clock: Clock, start: int, steps: int) -> Voice | Follower:
    """A voice that ends in a linear decay to 0, from its mean."""
    if isinstance(voice, Constant):
        voice = Schedule(clock, wave="constant", low=voice.value, high=voice.value)
    return Cooled(voice, start, steps) if isinstance(voice, Schedule | ConstantProduct) else voice

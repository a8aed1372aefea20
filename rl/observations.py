"""Observations of any kind: an array, or a dictionary of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.vec_env import VecTransposeImage
from stable_baselines3.common.vec_env.base_vec_env import VecEnv


def each(function: Callable[[Any], Any], observations: Any) -> Any:
    """A function of the array, or of every array of a dictionary; of nothing, nothing."""
    if observations is None:
        return None
    if isinstance(observations, dict):
        return {name: each(function, part) for name, part in observations.items()}
    return function(observations)


def channels_first(env: VecEnv) -> VecEnv:
    """The environments with the channels of images first, as SB3's networks read them and SB3 would wrap them itself.

    What remembers observations as they came then remembers them in that order, too.
    """
    space = env.observation_space
    parts = space.values() if isinstance(space, spaces.Dict) else [space]
    turned = any(is_image_space(part) and not is_image_space_channels_first(part) for part in parts)  # type: ignore[arg-type]
    return _Turned(env) if turned else env


class _Turned(VecTransposeImage):
    """SB3's wrapper, whose observations lie in memory in the order of their axes.

    A product may round by how its numbers lie, and those that a resume brings back lie so.
    """

    def transpose_observations(self, observations: Any) -> Any:
        return each(np.ascontiguousarray, super().transpose_observations(observations))

"""A film of one episode: what the agent does, as an animated GIF."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from PIL import Image

from lab.errors import UserError
from rl import environments
from rl.evaluation import LONGEST
from rl.masks import METHOD, allowed
from rl.observations import each
from rl.vec_env import time_limit

if TYPE_CHECKING:
    from rl.evaluation import Act
    from rl.trainer import RlTrainer

_FASTEST = 20
"""Milliseconds: viewers slow down whatever claims to be shorter."""


@dataclass(frozen=True)
class Shown:
    """What was filmed: the episode's steps and its undiscounted return."""

    steps: int
    total: float


def film(trainer: RlTrainer, act: Act, out: Path, difficulty: float, seed: int) -> Shown:
    """Play one episode with a deterministic policy and write it to ``out``.

    Args:
        trainer: whose task is played.
        act: the policy.
        out: the GIF.
        difficulty: in [0, 1].
        seed: of the first state.

    Raises:
        UserError: the environment has no pictures.
    """
    frames, total, start = [], 0.0, np.ones(1, dtype=np.bool_)
    env = environments.single(trainer.config, difficulty, render_mode="rgb_array")
    try:
        observation, _ = env.reset(seed=seed)
        frames.append(_picture(env, trainer.config.task))
        ended, left = False, math.inf if time_limit(env) is not None else LONGEST
        while not ended and left > 0:
            left -= 1
            only = allowed([env.get_wrapper_attr(METHOD)()], env.action_space) if trainer.config.agent.masked else None
            action = act(each(lambda part: np.asarray(part)[None], observation), start, only)[0]
            start = np.zeros_like(start)
            observation, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            ended = terminated or truncated
            frames.append(_picture(env, trainer.config.task))
    finally:
        env.close()
    rate = float(env.metadata.get("render_fps") or 30)
    pause = [max(_FASTEST, round(1000 / rate))] * (len(frames) - 1) + [1000]
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=pause, loop=0, optimize=False)
    return Shown(len(frames) - 1, total)


def _picture(env: Any, task: str) -> Image.Image:
    """The present state in at most 64 colours, which keeps the film small."""
    try:
        pixels = env.render()
    except (gymnasium.error.Error, NotImplementedError) as error:  # e.g. what it draws with is not installed
        raise UserError(f"task {task!r} draws no picture: {' '.join(str(error).split())}") from error
    if pixels is None:
        raise UserError(f"task {task!r} draws no picture (render_mode rgb_array)")
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8)).quantize(64, dither=Image.Dither.NONE)

"""A walk to the end of a corridor whose floor slips more, the harder it is; importing this registers it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Corridor(gymnasium.Env[Any, Any]):
    """Position and tile under the feet, as a Dict; actions back and forth. Saves its state, and takes a difficulty."""

    observation_space = spaces.Dict({"place": spaces.Box(-9.0, 9.0, (1,)), "tile": spaces.Discrete(2)})
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.next_slip = self.slip = 1.0
        self.x = 0.0

    def set_difficulty(self, difficulty: float) -> None:
        self.next_slip = difficulty

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.x, self.slip = 0.0, self.next_slip
        return self.seen(), {"difficulty": self.slip}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        move = (1.0 if action else -1.0) + self.slip * self.np_random.normal()
        self.x = float(np.clip(self.x + move, -9.0, 9.0))
        arrived = self.x > 4.0
        return self.seen(), float(arrived), arrived, False, {"success": arrived}

    def seen(self) -> dict[str, Any]:
        return {"place": np.array([self.x], np.float32), "tile": int(self.x) % 2}

    def state_dict(self) -> dict[str, Any]:
        return {"x": self.x, "slip": self.slip, "next_slip": self.next_slip}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.x, self.slip, self.next_slip = state["x"], state["slip"], state["next_slip"]


gymnasium.register("Theirs/Corridor-v0", Corridor, max_episode_steps=20)

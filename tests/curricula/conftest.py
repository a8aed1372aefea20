"""Agents of which we know everything: their skill decides how often they succeed at a difficulty, and practice it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from curricula.teachers import Episodes, Teacher


@dataclass
class Learner:
    """Succeeds at difficulty d with probability 1/(1 + exp((d − skill)/width)), and learns from what is near its skill.

    With several axes the hardest decides; the return is 100 for a success, else 0.
    """

    skill: float = 0.1
    width: float = 0.05
    gain: float = 0.02
    step: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def chance(self, difficulty: np.ndarray) -> np.ndarray:
        hardest = difficulty if difficulty.ndim == 1 else difficulty.max(axis=1)
        return 1 / (1 + np.exp(np.clip((hardest - self.skill) / self.width, -50, 50)))

    def play(self, difficulty: np.ndarray) -> Episodes:
        chance = self.chance(difficulty)
        success = self.random.random(len(chance)) < chance
        self.skill = min(self.skill + self.gain * float(np.mean(4 * chance * (1 - chance))), 1.3)
        self.step += 16 * len(chance)
        return Episodes(self.step, difficulty, 100.0 * success, np.full(len(chance), 16), success)


@pytest.fixture
def learner() -> type[Learner]:
    return Learner


@pytest.fixture
def teach() -> Callable[..., list[np.ndarray]]:
    """Lets an agent play batches of 8 episodes; answers what the teacher asked for."""

    def run(teacher: Teacher, agent: Learner, batches: int, random: np.random.Generator | None = None) -> list:
        random = random or np.random.default_rng(0)
        asked = []
        for _ in range(batches):
            asked.append(teacher.difficulty(random, 8))
            teacher.update(agent.play(asked[-1]))
        return asked

    return run

from pathlib import Path

import pytest
import torch

from lab.training.config import resolve
from lab.training.trainer import Context
from rl.config import RlConfig
from rl.trainer import RlTrainer

SMALL = {
    "task": "lab/MountainCar-v0",
    "steps": 1024,
    "max_episode_steps": 50,
    "clock": {"period": 256},
    "voices": {
        "learning_rate": {"follow": "difficulty", "relation": "anti_phase", "low": 2e-4, "high": 1.8e-3},
        "clip_range": {"wave": "cosine", "low": 0.1, "high": 0.3},
    },
    "curriculum": {"kind": "linear", "stop": 512},
    "n_envs": 4,
    "n_steps": 32,
    "batch_size": 32,
    "n_epochs": 2,
    "hidden": [16],
    "evaluation": {"difficulties": [0.0, 0.5], "episodes": 2},
}


@pytest.fixture
def make_trainer(tmp_path: Path):
    """Builds a trainer of a few small networks and environments; keywords change the configuration."""
    events = []

    def note(kind, step, **data):
        events.append((kind, step))

    def make(drop=(), place="run", **changes):
        settings = {name: value for name, value in SMALL.items() if name not in drop}
        config = resolve(RlConfig, {**settings, **changes})
        (tmp_path / place).mkdir(exist_ok=True)
        context = Context(torch.device("cpu"), tmp_path, tmp_path / place, note)
        trainer = RlTrainer(config, context)
        trainer.events = events
        return trainer

    return make

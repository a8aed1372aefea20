"""Small runs with workers, of a classifier and of a game."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lab.distributed.config import DistributedConfig
from lab.training.config import resolve
from lab.training.trainer import Context

COSINE = {"wave": "cosine", "low": 0.0, "high": 0.2}
CLASSIFIER: dict[str, Any] = {
    "steps": 40,
    "device": "cpu",
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "optimizer": {"name": "sgd"},
    "batch_size": 32,
    "techniques": ["average"],
    "clock": {"period": 16},
    "voices": {"lr": COSINE, "average.decay": 0.9},
    "log_every": 10,
    "evaluate_every": 20,
}
GAME: dict[str, Any] = {
    "steps": 40,
    "device": "cpu",
    "data": {"name": "ring"},
    "generator": {"network": "mlp", "width": 16, "depth": 1},
    "discriminator": {"network": "mlp", "width": 16, "depth": 1},
    "batch_size": 32,
    "evaluation_samples": 100,
    "diagnostics": False,
    "clock": {"period": 16},
    "voices": {"lr.generator": {**COSINE, "high": 2e-3}, "lr.discriminator": {**COSINE, "high": 4e-3}},
    "log_every": 10,
    "evaluate_every": 20,
}
SETTINGS = {"supervised": CLASSIFIER, "gan": GAME}


def configured(trainer: str, sets: Mapping[str, Any] | Sequence[str] = (), simulated: bool = True) -> DistributedConfig:
    mapping = {**SETTINGS[trainer], "trainer": trainer, "workers": {"count": 4, "simulated": simulated}}
    config = resolve(DistributedConfig, mapping, sets)
    assert isinstance(config, DistributedConfig)
    return config


def context(place: Path) -> Context:
    place.mkdir(exist_ok=True)
    return Context(torch.device("cpu"), place, place, lambda *words, **data: None)


def weights(models: Mapping[str, torch.nn.Module]) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for model in models.values() for p in model.parameters()])

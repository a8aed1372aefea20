"""Trainers of a few steps, and the real data sets where the checkout has them beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gan.config import GanConfig
from gan.plugin import PLUGIN
from gan.trainer import GanTrainer
from lab.supervised.judge import judge
from lab.training.config import load_yaml, resolve
from lab.training.trainer import Context

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the judge of the digits in it."""
    place = tmp_path_factory.mktemp("judged")
    judge("digits", place, torch.device("cpu"))
    return place


@pytest.fixture
def preset() -> Callable[..., GanConfig]:
    def read(name: str, *sets: str) -> GanConfig:
        return resolve(GanConfig, load_yaml(PLUGIN.presets / f"{name}.yaml"), ["device=cpu", *sets])

    return read


@pytest.fixture
def make(tmp_path: Path, preset: Callable[..., GanConfig]) -> Callable[..., GanTrainer]:
    """A trainer of a preset with settings changed; its events go to ``trainer.events``, its data lies in tmp_path."""

    def build(name: str, *sets: str, data_dir: Path = tmp_path) -> GanTrainer:
        events: list[tuple[str, int, dict[str, Any]]] = []
        snapshots = tmp_path / "snapshots"
        snapshots.mkdir(exist_ok=True)
        context = Context(
            torch.device("cpu"), data_dir, snapshots, lambda kind, step, **data: events.append((kind, step, data))
        )
        trainer = GanTrainer(preset(name, *sets), context)
        trainer.events = events  # type: ignore[attr-defined]
        return trainer

    return build


@pytest.fixture
def real_data(tmp_path: Path) -> Path:
    """A writable data directory with the real MNIST and Fashion-MNIST in it."""
    source = Path(os.environ.get("LAB_DATA") or SHARED).expanduser()
    if not (source / "mnist").is_dir() or not (source / "fashion-mnist").is_dir():
        pytest.skip("needs mnist/ and fashion-mnist/ in ../shared/data or $LAB_DATA")
    for name in ("mnist", "fashion-mnist"):
        (tmp_path / name).symlink_to((source / name).resolve(), target_is_directory=True)
    return tmp_path

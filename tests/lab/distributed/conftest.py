"""Workers that take turns in this process, and the command line with their trainer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from few_workers import configured, context

from lab.distributed.trainer import DistributedTrainer


@pytest.fixture
def workers(tmp_path: Path) -> Callable[..., DistributedTrainer]:
    """Workers that take turns, at step 0."""

    def build(trainer: str, **sets: Any) -> DistributedTrainer:
        changes = {key.replace("__", "."): value for key, value in sets.items()}
        config = configured(trainer, {"voices.sync_every": 8, **changes})
        return DistributedTrainer(config, context(tmp_path / "snapshots"))

    return build


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which `python -m lab.cli.main` knows the trainer, whether or not it is installed."""
    info = tmp_path / "site" / "workers-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: workers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[phaselab.trainers]\ndistributed = lab.distributed.plugin:PLUGIN\n")
    path = os.pathsep.join(filter(None, (str(info.parent), str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "LAB_RESULTS": str(tmp_path / "results"), "OMP_NUM_THREADS": "1"}

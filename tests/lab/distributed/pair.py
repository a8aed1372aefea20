"""Two processes of a group train small runs; the leader writes each run's weights, rows and scores.

usage (twice, with RANK 0 and 1 in the environment): pair.py OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from few_workers import configured, context, weights

from lab.distributed.config import DistributedConfig
from lab.distributed.processes import Place, Processes, joined
from lab.distributed.team import Team

RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "classifier": ("supervised", {"steps": 100, "batch_size": 64}),
    "classifier-adam": ("supervised", {"steps": 100, "batch_size": 64, "optimizer": "adam", "voices.lr": 1e-3}),
    "game": ("gan", {"steps": 100, "batch_size": 64}),
    "batchnorm": ("supervised", {"network": {"network": "cnn", "widths": [2, 2], "hidden": [4]}}),
    "local": ("gan", {"voices.sync_every": 8, "workers.outer_optimizer": {}, "workers.offsets": "spread"}),
}
SHARED = {"workers.count": 2, "workers.simulated": False}


def trained(config: DistributedConfig, group: Processes, place: Path) -> tuple[Team, dict[str, float]]:
    """A team at the last step, and its last row; as its state goes through the group once."""
    team = Team(config, context(place), group)
    team.advance(config.steps // 2 + 3)
    team.load_state_dict(team.state_dict())
    team.advance(config.steps)
    return team, team.metrics() | team.evaluate()


def main(out: Path) -> None:
    torch.set_num_threads(1)
    place = Place.found()
    assert place is not None
    with joined(place, 10.0) as group:
        for name, (trainer, sets) in RUNS.items():
            team, row = trained(configured(trainer, SHARED | sets), group, out / f"{name}-{place.rank}")
            (worker,) = team.workers
            found = {
                "weights": weights(worker.models()),
                "followers": torch.cat([t.flatten() for t in worker.followers()]),
            }
            safetensors.torch.save_file(found, out / f"{name}-{place.rank}.safetensors")
            (out / f"{name}-{place.rank}.json").write_text(json.dumps(row))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

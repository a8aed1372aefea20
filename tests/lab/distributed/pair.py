"""Two processes of a group train small runs; each writes its own weights and rows, and gloo's threads left at the end.

usage (twice, with RANK 0 and 1 in the environment): pair.py OUT
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
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
    "begun": ("supervised", {"voices.lr": 0.0, "voices.sync_every": 8}),
    "local": ("gan", {"voices.sync_every": 8, "workers.outer_optimizer": {}, "workers.offsets": "spread"}),
}
SHARED = {"workers.count": 2, "workers.simulated": False}


class Ones:
    """What worker 0 begins with, in the place of another run's weights; no other process has it."""

    def load(self, networks: Mapping[str, torch.nn.Module]) -> None:
        with torch.no_grad():
            for network in networks.values():
                for parameter in network.parameters():
                    parameter.fill_(0.01)


def trained(config: DistributedConfig, group: Processes, place: Path, begun: bool) -> tuple[Team, dict[str, float]]:
    """A team at the last step, and its last row; as its state goes through the group once."""
    initial: Any = Ones() if begun and group.leads else None
    team = Team(config, replace(context(place), initial=initial), group)
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
            config = configured(trainer, SHARED | sets)
            team, row = trained(config, group, out / f"{name}-{place.rank}", name == "begun")
            (worker,) = team.workers
            found = {
                "weights": weights(worker.models()),
                "followers": torch.cat([t.flatten() for t in worker.followers()]),
            }
            safetensors.torch.save_file(found, out / f"{name}-{place.rank}.safetensors")
            (out / f"{name}-{place.rank}.json").write_text(json.dumps(row))
    # What ends abruptly where the interpreter ends first.
    tasks = [comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")]
    (out / f"threads-{place.rank}.json").write_text(json.dumps([each for each in tasks if "gloo" in each]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Measures the constants of :mod:`lab.distributed.scale` on this machine: all-reduces between two processes, steps."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from lab.distributed.scale import Machine, Step
from lab.door import jsons
from lab.errors import RunError

SIZES = (4, 4_000, 40_000, 400_000, 4_000_000, 16_000_000)
"""Bytes of the all-reduces that are timed."""
MODELS = (("supervised", "digits", 64), ("gan", "ring", 256))
"""Trainer, preset and batch of the steps that are timed: small ones, whose steps a latency is felt in."""


def link(short: bool = False) -> tuple[Machine, list[tuple[int, float]]]:
    """Latency and time of a byte between two processes over the loopback, with the times that they were fitted to."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1]
    env = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lab.distributed.measure", "5" if short else "100"]
    both = [
        subprocess.Popen(command, env=env | {"RANK": str(rank)}, stdout=subprocess.PIPE, text=True) for rank in range(2)
    ]
    try:
        out = both[0].communicate(timeout=300)[0]
        both[1].communicate(timeout=60)
    finally:
        for each in both:
            each.kill()
    if both[0].returncode:
        raise RunError(f"two processes did not measure the loopback: exit status {both[0].returncode}")
    measured = [(int(size), float(seconds)) for size, seconds in jsons.parse(out.encode())]
    return Machine.fitted(*zip(*measured, strict=True)), measured


def steps(short: bool = False) -> list[Step]:
    """What steps cost, with the whole batch and with parts of it."""
    import torch

    from lab.training.config import load_yaml, resolve
    from lab.training.plugins import preset_path, trainer, trainers
    from lab.training.trainer import Context, Sharing

    def timed(name: str, preset: str, batch: int) -> tuple[float, int]:
        plugin = trainer(name)
        settings = load_yaml(preset_path(plugin, preset))
        sets = (
            {"device": "cpu", "batch_size": batch, "snapshot_every": 10**6} if name == "gan" else {"batch_size": batch}
        )
        config = resolve(plugin.config_type(), settings, sets)
        with tempfile.TemporaryDirectory() as place:
            context = Context(torch.device("cpu"), Path(place), Path(place), lambda *words, **data: None)
            built = cast(Sharing, plugin.build(config, context))
            built.advance(5)
            seconds = _least(lambda: built.advance(built.step + 5), 3 if short else 40) / 5
        return seconds, sum(p.nbytes for model in built.models().values() for p in model.parameters())

    found = []
    for name, preset, batch in MODELS:
        if name in trainers():
            batches = [batch // share for share in (1, 2, 4, 8, batch)]
            measured = [timed(name, preset, each) for each in batches]
            found.append(
                Step.fitted(f"{name}/{preset}", batches, [each[0] for each in measured], measured[0][1], batch)
            )
    return found


def _least(work: Callable[[], object], times: int) -> float:
    """Seconds of the run that was disturbed least."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def _echo(times: int) -> None:
    """One of the two processes; the first prints bytes and seconds."""
    import torch

    from lab.distributed.processes import Place, joined

    place = Place.found()
    assert place is not None
    torch.set_num_threads(1)
    with joined(place, 30.0) as group:
        found = []
        for size in SIZES:
            vector = [torch.zeros(size // 4)]
            group.mean(vector)
            found.append((size, _least(lambda vector=vector: group.mean(vector), times)))  # type: ignore[misc]
        if place.rank == 0:
            print(json.dumps(found))


if __name__ == "__main__":
    _echo(int(sys.argv[1]))

"""Measures workers that take turns against as many trainers that nobody averages, side by side in one process."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from lab.distributed.clocks import of_rank
from lab.distributed.config import SYNC, DistributedConfig, of_worker
from lab.distributed.trainer import DistributedTrainer
from lab.training.config import load_yaml, resolve
from lab.training.plugins import preset_path, trainer
from lab.training.share import Share
from lab.training.trainer import Context, Trainer, unheard

COUNT, STEPS = 4, 16
INTERVALS = (1, 8)


def measure(short: bool = False) -> dict[str, Any]:
    """How fast a step of four workers is against the steps of four trainers, by the steps between averages."""
    return {
        "what": f"{COUNT} workers that take turns against {COUNT} trainers alone: processor time, digits' classifier",
        "workloads": {f"H = {every}": compare(every, 5 if short else 21) for every in INTERVALS},
    }


def compare(every: int, blocks: int) -> dict[str, Any]:
    """Time blocks of steps of both in turn, after one of each to warm up."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        plugin = trainer("supervised")
        settings = {**load_yaml(preset_path(plugin, "digits")), "device": "cpu"}
        workers = {"workers.count": COUNT, "workers.simulated": True, f"voices.{SYNC}": every}
        config = resolve(DistributedConfig, settings, workers)
        group = DistributedTrainer(config, Context(torch.device("cpu"), place, place, unheard))
        alone = [
            plugin.build(
                of_worker(config, of_rank(config, rank)),
                Context(torch.device("cpu"), place, place, unheard, share=Share(rank, COUNT)),
            )
            for rank in range(COUNT)
        ]
        ours, plain = [], []
        for block in range(blocks + 1):
            together = _timed(lambda: group.advance(group.step + STEPS))
            apart = _timed(lambda: _each(alone))
            if block:
                ours.append(together / STEPS)
                plain.append(apart / STEPS)
    ratios = [other / own for own, other in zip(ours, plain, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
        "ours_per_second": round(1 / statistics.median(ours), 1),
        "plain_per_second": round(1 / statistics.median(plain), 1),
        "unit": f"steps of {COUNT} workers per second of processor time",
        "blocks": blocks,
    }


def _each(trainers: Sequence[Trainer]) -> None:
    for each in trainers:
        each.advance(each.step + STEPS)


def _timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun

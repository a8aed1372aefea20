"""Measures a stack of GANs against the same GANs one after another, side by side in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gan.config import GanConfig
from gan.stack import Stack
from gan.trainer import GanTrainer
from lab.training.config import load_yaml, resolve
from lab.training.trainer import Context

PRESET = Path(__file__).parents[1] / "presets" / "ring.yaml"
SIZES = (4, 8, 16, 64)
STEPS = 6
PLACINGS = 5
"""How often all is built anew: where memory comes to lie is worth some five percent, for better or worse."""


def measure(short: bool = False) -> dict[str, Any]:
    """How many times less processor time a step of a member takes in a stack than alone, by the number of members."""
    sizes = SIZES[:2] if short else SIZES
    return {
        "what": "the ring's GANs in a stack against one alone: processor time a member's step, one thread",
        "workloads": {f"stack of {size}": compare(size, 2 if short else max(160 // size, 7)) for size in sizes},
    }


def compare(size: int, blocks: int) -> dict[str, Any]:
    """Time blocks of steps, of the stack and of one member alone in turn, both built anew ``PLACINGS`` times."""
    times = [pair for _ in range(PLACINGS) for pair in _side_by_side(size, blocks)]
    singly, stacked = zip(*times, strict=True)
    ratios = [one / together for one, together in times]
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
        "ours_per_second": round(1 / statistics.median(stacked), 1),
        "plain_per_second": round(1 / statistics.median(singly), 1),
        "unit": "steps of a member per second of processor time",
        "blocks": len(ratios),
    }


def _side_by_side(size: int, blocks: int) -> list[tuple[float, float]]:
    """Seconds of processor time a member's step, alone and in the stack, of blocks after one to warm up."""
    alone, stack = _trainer(0), Stack([_trainer(seed) for seed in range(size)])
    times = []
    for _ in range(blocks + 1):
        one = _timed(lambda: alone.advance(alone.step + STEPS * 4)) / (STEPS * 4)
        together = _timed(lambda: stack.advance(stack.members[0].step + STEPS)) / (STEPS * size)
        times.append((one, together))
    return times[1:]


def _trainer(seed: int) -> GanTrainer:
    config = resolve(GanConfig, load_yaml(PRESET), ["device=cpu", "diagnostics=false", f"seed={seed}"])
    return GanTrainer(config, Context(torch.device("cpu"), Path(), Path(), lambda *args, **data: None), snapshots=False)


def _timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun

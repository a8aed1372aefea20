"""Times work in turns and compares it, for benchmarks: seconds of the processor, and on the wall."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch


def timed(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds of the processor and on the wall, until the device has done it."""
    wait = torch.cuda.synchronize if device.type == "cuda" else _nothing
    wait()
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wait()
    return time.process_time() - processor, time.perf_counter() - wall


def _nothing() -> None:
    """A CPU has done its work when it returns."""


def compared(
    mine: Sequence[tuple[float, float]], theirs: Sequence[tuple[float, float]], steps: int, unit: str, gpu: bool
) -> dict[str, Any]:
    """What is said of blocks of work that were timed in turns.

    Args:
        mine, theirs: of each block the seconds of the processor and on the wall, as :func:`timed` returns them.
        steps: of a block.
        unit: what a step is, in the plural.
        gpu: whether the clock on the wall counts.

    Returns:
        ``ratio``: their time over mine, the median over pairs of blocks, with quartiles; steps a second of both.
    """
    processor, wall = ([b[clock] / a[clock] for a, b in zip(mine, theirs, strict=True)] for clock in (0, 1))
    clock, ratios = (1, wall) if gpu else (0, processor)
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
        "ratio_by_wall_clock": round(statistics.median(wall), 3),
        "ours_per_second": round(steps / statistics.median(times[clock] for times in mine), 1),
        "plain_per_second": round(steps / statistics.median(times[clock] for times in theirs), 1),
        "unit": f"{unit} per second{'' if gpu else ' of processor time'}",
        "blocks": len(mine),
    }

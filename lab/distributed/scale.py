"""Bytes and time of a step against the number of workers: a model of a ring, and its constants measured here.

    bytes sent by each worker, a step     2 · (K − 1)/K · b / H
    time of a step                        c₀ + c₁ · B/K + (2 · (K − 1) · α + 2 · (K − 1)/K · b · β) / H

for K workers, models of b bytes, a batch of B samples shared by all, averages every H steps, and constants: α the
latency of a message in seconds, β the seconds of a byte, c₀ and c₁ those of a step and of each sample in it. It is the
usual cost of a ring all-reduce (Thakur, Rabenseifner & Gropp 2005, section 4.2); a tree has 2·log₂ K latencies instead
of 2·(K − 1), and more bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
INTERVALS = (1, 8, 64, 256)
TOLERATED = 0.1
"""Averaging is cheap where it takes at most this share of a step."""


@dataclass(frozen=True)
class Machine:
    """Constants of a link between workers: seconds of a message, and of a byte.

    Attributes:
        misfit: by what share of it the model misses the all-reduce that it fits worst.
    """

    latency: float
    byte: float
    misfit: float = 0.0

    @classmethod
    def fitted(cls, sizes: Sequence[int], seconds: Sequence[float]) -> Machine:
        """From all-reduces of two workers, t = 2·α + b·β, by least squares of the relative error.

        Args:
            sizes: bytes.
            seconds: each took.
        """
        return cls(*_fitted(2.0, sizes, seconds))

    def average(self, workers: int, size: int) -> float:
        """Seconds of one average of ``size`` bytes."""
        return 2 * (workers - 1) * self.latency + 2 * (workers - 1) / workers * size * self.byte


@dataclass(frozen=True)
class Step:
    """What a model costs: seconds of a step and of each sample in it, its bytes, and the whole batch.

    Attributes:
        misfit: by what share of it the model misses the step that it fits worst.
    """

    name: str
    fixed: float
    sample: float
    size: int
    batch: int
    misfit: float = 0.0

    @classmethod
    def fitted(cls, name: str, batches: Sequence[int], seconds: Sequence[float], size: int, batch: int) -> Step:
        """From steps of some batch sizes, by least squares of the relative error."""
        fixed, sample, misfit = _fitted(1.0, batches, seconds)
        return cls(name, fixed, sample, size, batch, misfit)

    def compute(self, workers: int) -> float:
        """Seconds of a step of a worker's share of the batch; more workers than samples have one each."""
        return self.fixed + self.sample * max(1.0, self.batch / workers)


def _fitted(times: float, amounts: Sequence[int], seconds: Sequence[float]) -> tuple[float, float, float]:
    """c₀ ≥ 0 and c₁ ≥ 0 of t = ``times``·c₀ + amount·c₁ by least squares of the relative error, and the largest one."""
    from scipy.optimize import nnls

    design = np.stack((np.full(len(amounts), times), np.asarray(amounts, float)), axis=1) / np.array(seconds)[:, None]
    (first, second), _ = nnls(design, np.ones(len(amounts)))
    return float(first), float(second), float(np.abs(design @ (first, second) - 1).max())


def table(machine: Machine, step: Step, intervals: Mapping[str, float]) -> list[dict[str, Any]]:
    """A row for each number of workers and each interval.

    Args:
        intervals: mean steps between two averages, by a word: ``{"H = 8": 8.0}``.
    """
    rows = []
    for workers in WORKERS:
        average = machine.average(workers, step.size)
        compute = step.compute(workers)
        for word, interval in intervals.items():
            rows.append(
                {
                    "workers": workers,
                    "interval": word,
                    "bytes": 2 * (workers - 1) / workers * step.size / interval,
                    "seconds": compute + average / interval,
                    "ideal": step.compute(1) / workers,
                    "cheap_from": max(1, math.ceil(average / (TOLERATED * compute))),
                }
            )
    return rows


def quadratic(alpha: float, least: int, steps: int = 10_000, peak: float = 1.0) -> float:
    """Mean steps between averages of the quadratic rule along a linear decay from ``peak`` to 0, by simulation."""
    from lab.phase import Clock, Schedule

    lr = Schedule(Clock(steps, cycles=1), wave="sawtooth", low=0.0, high=peak)
    rule = lr.constant_product(alpha**2, low=float(least), high=float(steps), power=2.0)
    step, averages = 0, 0
    while step < steps:
        step, averages = min(steps, step + math.floor(rule(step))), averages + 1
    return steps / averages


def report(machine: Machine, steps: Sequence[Step], alpha: float = 2.0, least: int = 4) -> dict[str, Any]:
    """All tables, with what they were made from, as JSON data.

    Args:
        alpha, least: of the quadratic rule, in units of the peak rate: H = max(least, (alpha · peak/lr)²).
    """
    rule = quadratic(alpha, least)
    intervals = {**{f"H = {each}": float(each) for each in INTERVALS}, f"quadratic, mean {rule:.0f}": rule}
    return {
        "machine": asdict(machine),
        "quadratic": {"alpha": alpha, "least": least, "mean_interval": rule},
        "models": [{**asdict(step), "rows": table(machine, step, intervals)} for step in steps],
    }

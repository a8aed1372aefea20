"""The arithmetic behind the figures: smoothing, and curves averaged over seeds with their interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST = 4
"""Runs from which a band is an interval of their mean; of fewer it is their range."""


def smooth(values: Floats, window: int) -> Floats:
    """The centred mean over ``window`` values, narrower at the ends; a value that is not finite is left out of it."""
    if window < 2 or len(values) < 3:
        return values
    finite = np.isfinite(values)
    kernel = np.ones(min(window | 1, 2 * len(values) - 1))
    total = np.convolve(np.where(finite, values, 0.0), kernel, mode="full")
    count = np.convolve(finite.astype(float), kernel, mode="full")
    half = len(kernel) // 2
    total, count = total[half : half + len(values)], count[half : half + len(values)]
    return np.where(count > 0.5, total / np.maximum(count, 1.0), np.nan)


def window_for(rows: int) -> int:
    """How many rows a smoothed curve averages: about a fiftieth of them, none where there are few."""
    return rows // 50 | 1 if rows >= 100 else 1


@dataclass(frozen=True)
class Curve:
    """A quantity over steps, averaged over the runs of one arm.

    Attributes:
        steps: int64[n], rising.
        mean: float64[n]; NaN where no run has a finite value.
        low, high: float64[n], the 95 % interval of the mean over runs by Student's t; of two or three runs their range,
            and equal to mean for one run.
        runs: how many runs had the quantity.
    """

    steps: Ints
    mean: Floats
    low: Floats
    high: Floats
    runs: int


def average(series: Sequence[tuple[Ints, Floats]], window: int = 1) -> Curve | None:
    """One curve from the same quantity of several runs, on the steps that any of them logged; None if none did.

    It ends where the first of the runs does: the mean of those that are left would leap to theirs. Each run is smoothed
    over ``window`` of its rows first, so that the interval is that of what is drawn.
    """
    present = [(steps, smooth(_finite(values), window)) for steps, values in series if len(steps)]
    if not present:
        return None
    last = min(int(steps[-1]) for steps, _ in present)
    present = [(steps[steps <= last], values[steps <= last]) for steps, values in present]
    grid = np.unique(np.concatenate([steps for steps, _ in present]))
    table = np.full((len(present), len(grid)), np.nan)
    for row, (steps, values) in zip(table, present, strict=True):
        row[np.searchsorted(grid, steps)] = values
    if len(present) == 1:
        return Curve(grid, table[0], table[0], table[0], 1)
    return Curve(grid, _mean(table, axis=0), *_band(table), len(present))


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Places in [0, 1], each moved as far as is needed for neighbours to be ``gap`` apart; in the order given.

    Places that would come too near are set around their mean, the gap between each two, and within [0, 1] if they can.

    >>> apart([0.5, 0.1, 0.5, 1.0, 0.95], 0.2)
    [0.4, 0.1, 0.6, 1.0, 0.8]
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _begin(places, groups[-1], gap) < _begin(places, groups[-2], gap) + gap * len(
            groups[-2]
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = {index: _begin(places, group, gap) + gap * place for group in groups for place, index in enumerate(group)}
    return [round(moved[index], 12) for index in range(len(places))]


def _begin(places: Sequence[float], group: Sequence[int], gap: float) -> float:
    """Where the lowest of a group stands that is centred on its mean, as far as both of its ends lie in [0, 1]."""
    wide = gap * (len(group) - 1)
    begin = sum(places[index] for index in group) / len(group) - wide / 2
    return max(0.0, min(begin, 1.0 - wide))


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _mean(values: Floats, axis: int) -> Floats:
    """The mean of the values that are there; NaN where none is (and, unlike nanmean, no warning)."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _band(table: Floats) -> tuple[Floats, Floats]:
    """Ends of the band at each step, of values float64[runs, steps]; NaN where fewer than two runs have one."""
    from scipy.special import stdtrit

    there = np.isfinite(table)
    count = there.sum(axis=0)
    known = count > 1
    if len(table) < FEWEST:
        low = np.where(there, table, np.inf).min(axis=0, initial=np.inf)
        high = np.where(there, table, -np.inf).max(axis=0, initial=-np.inf)
        return np.where(known, low, np.nan), np.where(known, high, np.nan)
    mean, free = _mean(table, axis=0), np.maximum(count - 1, 1)
    variance = np.where(there, np.square(table - mean), 0.0).sum(axis=0) / free
    half = stdtrit(free, 0.975) * np.sqrt(variance / np.maximum(count, 1))
    return np.where(known, mean - half, np.nan), np.where(known, mean + half, np.nan)

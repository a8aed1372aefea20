"""What is lost and kept of tasks learned one after the other: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Row = Sequence[float]
"""Accuracies of tasks 0, 1, …, each in [0, 1]."""


def average_accuracy(now: Row) -> float:
    """The mean over the tasks so far (Lopez-Paz & Ranzato 2017, equation 2)."""
    return float(np.mean(now))


def forgetting(matrix: Sequence[Row], now: Row) -> float:
    """How far earlier tasks have fallen from their best, in the mean, in [−1, 1] (Chaudhry et al. 2018).

        F = 1/(k−1) · Σ_{j<k} ( max_{l<k} a_{l,j} − a_{k,j} )

    Args:
        matrix: row l is the accuracy a_{l,j} of each task j ≤ l as task l had been learned, for the k − 1 ≥ 1 tasks
            before the present one.
        now: the accuracies a_{k,j} of these tasks and the present one.
    """
    best = [max(row[task] for row in matrix[task:]) for task in range(len(matrix))]
    return float(np.mean(np.array(best) - np.array(now[: len(matrix)])))


def backward_transfer(matrix: Sequence[Row], now: Row) -> float:
    """What later tasks gave to earlier ones since each was learned, in [−1, 1]; mostly below 0.

        BWT = 1/(k−1) · Σ_{j<k} ( a_{k,j} − a_{j,j} )                (Lopez-Paz & Ranzato 2017, equation 3)

    Args:
        matrix, now: as for :func:`forgetting`.
    """
    learned = [row[task] for task, row in enumerate(matrix)]
    return float(np.mean(np.array(now[: len(matrix)]) - np.array(learned)))


def worst_case_accuracy(present: float, minimum: float, tasks: int) -> float:
    """What can be relied on at any time: WC-ACC = a/k + (1 − 1/k) · min-ACC (De Lange et al. 2023).

    Args:
        present: the accuracy a of the task that is being learned.
        minimum: min-ACC, the mean over earlier tasks of the worst accuracy that each had since it was learned.
        tasks: how many k there are so far.
    """
    return present / tasks + (1 - 1 / tasks) * minimum

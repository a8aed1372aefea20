"""Scores of a classifier, from log-probabilities and labels: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

BINS = 15
"""Of the expected calibration error (Guo et al. 2017)."""


def scores(log_probs: Floats, labels: Ints) -> dict[str, float]:
    """Accuracy, negative log-likelihood, Brier score, calibration error, balanced accuracy.

    Args:
        log_probs: float[n, classes], n at least 1.
        labels: int[n].
    """
    probs = np.exp(log_probs.astype(np.float64))
    return {
        "accuracy": float((log_probs.argmax(axis=1) == labels).mean()),
        "nll": float(-log_probs[np.arange(len(labels)), labels].mean(dtype=np.float64)),
        "brier": brier(probs, labels),
        "ece": calibration_error(probs, labels),
        "balanced_accuracy": float(np.mean(list(recalls(log_probs, labels).values()))),
    }


def brier(probs: Floats, labels: Ints) -> float:
    """Mean over samples of Σ_k (p_k − [k = label])² (Brier 1950), in [0, 2]."""
    return float((probs**2).sum(axis=1).mean() - 2 * probs[np.arange(len(labels)), labels].mean() + 1)


def calibration_error(probs: Floats, labels: Ints, bins: int = BINS) -> float:
    """Σ over bins of the confidence of (share of samples)·|accuracy − confidence| (Guo et al. 2017, equation 3)."""
    confidence = probs.max(axis=1)
    right = (probs.argmax(axis=1) == labels).astype(np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    place = np.digitize(confidence, edges, right=True)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def recalls(log_probs: Floats, labels: Ints) -> Mapping[int, float]:
    """The share of each class's samples that are given it, of the classes that there are samples of."""
    right = log_probs.argmax(axis=1) == labels
    return {int(label): float(right[labels == label].mean()) for label in np.unique(labels)}

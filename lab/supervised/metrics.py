"""Scores of a classifier, from log-probabilities and labels: arrays in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

BINS = 15
"""Of the expected calibration error (Guo et al. 2017)."""
COLDEST, HOTTEST = 0.05, 20.0
"""The range of temperatures: where every sample of a half is right, no temperature would be cold enough."""


def scores(log_probs: Floats, labels: Ints) -> dict[str, float]:
    """Accuracy, negative log-likelihood, Brier score, calibration error, balanced accuracy.

    ``nll_scaled`` and ``ece_scaled`` are those of :func:`rescaled`, by which models are to be compared: much of what
    one has over another in the plain numbers is a matter of temperature alone (arXiv 2002.06470).

    Args:
        log_probs: float[n, classes], n at least 1.
        labels: int[n].
    """
    probs = np.exp(log_probs.astype(np.float64))
    scaled = rescaled(log_probs, labels)
    return {
        "accuracy": float((log_probs.argmax(axis=1) == labels).mean()),
        "nll": nll(log_probs, labels),
        "nll_scaled": nll(scaled, labels),
        "brier": brier(probs, labels),
        "ece": calibration_error(probs, labels),
        "ece_scaled": calibration_error(np.exp(scaled), labels),
        "balanced_accuracy": float(np.mean(list(recalls(log_probs, labels).values()))),
    }


def nll(log_probs: Floats, labels: Ints) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    return float(-log_probs[np.arange(len(labels)), labels].mean(dtype=np.float64))


def rescaled(log_probs: Floats, labels: Ints) -> Floats:
    """Log-probabilities at the temperature of the other half of the samples, float64[n, classes].

    One temperature is fitted to the samples at even places and scales those at odd places, another the other way round
    (test-time cross-validation, arXiv 2002.06470), so that no sample is scored at a temperature that it chose.
    """
    found = np.empty(log_probs.shape, np.float64)
    halves = slice(0, None, 2), slice(1, None, 2)
    for fitted, scored in (halves, halves[::-1]):
        found[scored] = log_softmax(
            log_probs[scored].astype(np.float64) / temperature(log_probs[fitted], labels[fitted]), axis=1
        )
    return found


def temperature(log_probs: Floats, labels: Ints) -> float:
    """The T > 0 of least mean negative log-likelihood of softmax(log p / T) (Guo et al. 2017), within its range.

    In β = 1/T that is the mean of log Σ_k p_k^β − β log p_label, which is convex. 1 where there are no samples.
    """
    if not len(labels):
        return 1.0
    exact = log_probs.astype(np.float64)
    mean = exact[np.arange(len(labels)), labels].mean()

    def loss(log_t: float) -> float:
        beta = math.exp(-log_t)
        return float(logsumexp(beta * exact, axis=1).mean() - beta * mean)

    within = (math.log(COLDEST), math.log(HOTTEST))
    return math.exp(float(minimize_scalar(loss, bounds=within, method="bounded", options={"xatol": 1e-6}).x))


def deep_ensemble_equivalent(found: float, of_ensembles: Sequence[float]) -> float:
    """How many independently trained networks an ensemble of them needs to be as good (arXiv 2002.06470).

        DEE = min {l ≥ 1 : nll_DE(l) ≤ nll}, nll_DE being linear between whole numbers of networks

    Args:
        found: the negative log-likelihood of what is judged, of scaled temperature.
        of_ensembles: the mean of the same of deep ensembles of 1, 2, … networks.

    Returns:
        At least 1; infinity where it is better than all of ``of_ensembles``.

    >>> deep_ensemble_equivalent(0.25, [0.4, 0.3, 0.2])
    2.5
    """
    if not of_ensembles:
        raise ValueError("of_ensembles: no deep ensemble is given to compare with")
    if found >= of_ensembles[0]:
        return 1.0
    for size, (before, after) in enumerate(pairwise(of_ensembles), start=1):
        if after <= found:
            return size + (before - found) / (before - after)
    return math.inf


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

"""Scores of a classifier, from log-probabilities and labels: arrays in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

BINS = 15
"""Of the expected calibration error (Guo et al. 2017)."""
COLDEST, HOTTEST = 0.05, 20.0
"""The range of temperatures: where every sample of a half is right, no temperature would be cold enough."""
MOST_RECALLS = 30
"""Classes up to which each one's recall is a column of its own."""
TAIL = 2.0
"""Training samples of the largest class for each of the smallest, from which on head and tail are told apart."""
RECALL = "recall"
NUMBERED = (RECALL, "task")
"""Scores that there is one of for each class or task, such as ``recall/3`` and ``task/0/accuracy``."""


def scores(log_probs: Floats, labels: Ints, counts: Ints | None = None) -> dict[str, float]:
    """Accuracy, negative log-likelihood, Brier score, calibration error; balanced accuracy, macro F1, recalls.

    ``recall/K`` is that of class K, where there are at most 30; ``worst_recall`` the least. Where the training counts
    are unequal, ``head_accuracy``, ``medium_accuracy`` and ``tail_accuracy`` are those of :func:`by_frequency`.

    ``nll_scaled`` and ``ece_scaled`` are those of :func:`rescaled`, by which models are to be compared: much of what
    one has over another in the plain numbers is a matter of temperature alone (arXiv 2002.06470).

    Args:
        log_probs: float[n, classes], n at least 1.
        labels: int[n].
        counts: training samples of each class, int[classes].
    """
    probs = np.exp(log_probs.astype(np.float64))
    scaled = rescaled(log_probs, labels)
    found = recalls(log_probs, labels)
    return {
        "accuracy": float((log_probs.argmax(axis=1) == labels).mean()),
        "nll": nll(log_probs, labels),
        "nll_scaled": nll(scaled, labels),
        "brier": brier(probs, labels),
        "ece": calibration_error(probs, labels),
        "ece_scaled": calibration_error(np.exp(scaled), labels),
        "balanced_accuracy": float(np.mean(list(found.values()))),
        "macro_f1": macro_f1(log_probs, labels),
        "worst_recall": min(found.values()),
        **(by_frequency(found, counts) if counts is not None else {}),
        **(
            {f"{RECALL}/{label}": value for label, value in found.items()} if log_probs.shape[1] <= MOST_RECALLS else {}
        ),
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
    exact -= exact.max(axis=1, keepdims=True)  # no sum below then overflows or is 0, and no T is another for it
    mean = exact[np.arange(len(labels)), labels].mean()

    def loss(log_t: float) -> float:
        beta = math.exp(-log_t)
        return float(np.log(np.exp(beta * exact).sum(axis=1)).mean() - beta * mean)

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


def column_words(column: str) -> tuple[str, str]:
    """Whose score a column ``evaluation/…`` holds, and the score's name.

    >>> column_words("evaluation/average/recall/3"), column_words("evaluation/nll")
    (('average', 'recall/3'), ('', 'nll'))
    """
    parts = column.split("/")[1:]
    cut = next((place for place, part in enumerate(parts) if part in NUMBERED), len(parts) - 1)
    return "/".join(parts[:cut]), "/".join(parts[cut:])


def macro_f1(log_probs: Floats, labels: Ints) -> float:
    """The mean over classes of 2·right / (samples + answers), of the classes that are among either."""
    classes = log_probs.shape[1]
    answers = log_probs.argmax(axis=1)
    right = np.bincount(labels[answers == labels], minlength=classes)
    either = np.bincount(labels, minlength=classes) + np.bincount(answers, minlength=classes)
    return float(np.mean(2 * right[either > 0] / either[either > 0]))


def by_frequency(found: Mapping[int, float], counts: Ints) -> dict[str, float]:
    """Mean recall of the third of the classes that training had most samples of, of the middle, and of the rarest.

    On a balanced test part these are accuracies. Thirds, not the fixed counts of Liu et al. (2019), whose 100 and 20
    samples fit data of thousands of classes. Nothing where the largest class has less than twice the smallest's.
    """
    if len(counts) < 3 or counts.max() < TAIL * counts.min():
        return {}
    thirds = np.array_split(np.argsort(-counts, kind="stable"), 3)
    groups = {
        f"{name}_accuracy": [found[k] for k in third.tolist() if k in found]
        for name, third in zip(("head", "medium", "tail"), thirds, strict=True)
    }
    return {name: float(np.mean(values)) for name, values in groups.items() if values}


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

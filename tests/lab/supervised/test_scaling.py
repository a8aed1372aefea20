"""Scores at the best temperature: SciPy's optimum, no peeking, and deep-ensemble equivalents."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax
from torchmetrics.functional.classification import multiclass_calibration_error

from lab.supervised import metrics


def drawn(seed: int, n: int = 400, classes: int = 4, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers that are too sure of themselves by a factor ``sharpness``."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n, classes))
    labels = np.array([random.choice(classes, p=p) for p in np.exp(log_softmax(logits, axis=1))])
    return log_softmax(sharpness * logits, axis=1), labels


@pytest.mark.parametrize("seed", range(4))
def test_the_temperature_is_where_scipy_finds_the_minimum(seed: int) -> None:
    log_probs, labels = drawn(seed)

    def loss(t: np.ndarray) -> float:
        return float(-log_softmax(log_probs / np.exp(t), axis=1)[np.arange(len(labels)), labels].mean())

    expected = math.exp(float(minimize(loss, x0=[0.0], method="BFGS", options={"gtol": 1e-9}).x[0]))
    assert metrics.temperature(log_probs, labels) == pytest.approx(expected, rel=1e-4)
    assert expected == pytest.approx(3.0, rel=0.2)  # the factor by which they are too sure


def test_each_half_is_scored_at_the_temperature_of_the_other() -> None:
    log_probs, labels = drawn(7)
    halves = (log_probs[0::2], labels[0::2]), (log_probs[1::2], labels[1::2])
    even, odd = metrics.temperature(*halves[0]), metrics.temperature(*halves[1])
    expected = np.empty_like(log_probs)
    expected[0::2] = log_softmax(halves[0][0] / odd, axis=1)
    expected[1::2] = log_softmax(halves[1][0] / even, axis=1)
    found = metrics.scores(log_probs, labels)
    assert found["nll_scaled"] == pytest.approx(-expected[np.arange(len(labels)), labels].mean())
    theirs = multiclass_calibration_error(
        torch.tensor(np.exp(expected)), torch.tensor(labels), num_classes=4, n_bins=15
    )
    assert found["ece_scaled"] == pytest.approx(float(theirs), abs=1e-7)
    assert found["nll_scaled"] < found["nll"]
    assert found["ece_scaled"] < found["ece"]


@given(st.floats(0.3, 3), st.integers(0, 1000))
def test_a_temperature_of_the_model_itself_makes_no_difference(factor: float, seed: int) -> None:
    log_probs, labels = drawn(seed)  # of fewer, a half's best temperature may lie beyond the hottest that is tried
    warmer = log_softmax(log_probs / factor, axis=1)
    found, other = metrics.scores(log_probs, labels), metrics.scores(warmer, labels)
    assert found["nll_scaled"] == pytest.approx(other["nll_scaled"], rel=1e-3)


def test_answers_that_are_always_right_or_few_have_scores() -> None:
    log_probs = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    right = metrics.scores(log_probs, np.array([0, 1, 0]))
    assert 0 <= right["nll_scaled"] < 1e-3
    single = metrics.scores(log_probs[:1], np.array([0]))
    assert single["nll_scaled"] == pytest.approx(single["nll"])


@pytest.mark.parametrize(
    ("found", "equivalent"), [(0.5, 1.0), (0.4, 1.0), (0.35, 1.5), (0.3, 2.0), (0.22, 2.8), (0.2, 3.0), (0.1, math.inf)]
)
def test_deep_ensemble_equivalents_lie_between_whole_networks(found: float, equivalent: float) -> None:
    assert metrics.deep_ensemble_equivalent(found, [0.4, 0.3, 0.2]) == pytest.approx(equivalent)


def test_an_ensemble_is_its_own_equivalent_even_where_a_larger_one_is_worse() -> None:
    curve = [0.4, 0.3, 0.31, 0.25]
    assert metrics.deep_ensemble_equivalent(0.28, curve) == pytest.approx(3.5)
    assert [metrics.deep_ensemble_equivalent(nll, curve) for nll in (0.4, 0.3, 0.25)] == pytest.approx([1, 2, 4])
    with pytest.raises(ValueError, match="no deep ensemble"):
        metrics.deep_ensemble_equivalent(0.3, [])


def test_the_example_of_its_docstring_runs() -> None:
    assert doctest.testmod(metrics).attempted > 0
    assert doctest.testmod(metrics).failed == 0

"""Diversity of members: scikit-learn's and SciPy's numbers, and what holds for any ensemble."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score

from lab.techniques.diversity import divergences, diversity


def drawn(members: int, n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(classes), size=(members, n)), random.integers(0, classes, n)


def test_the_numbers_are_those_of_the_references() -> None:
    probs, labels = drawn(4, 300, 5, seed=0)
    found = diversity(torch.tensor(np.log(probs)), torch.tensor(labels))
    classes = probs.argmax(axis=2)
    pairs = list(combinations(range(4), 2))
    assert found["disagreement"] == pytest.approx(
        np.mean([1 - accuracy_score(classes[i], classes[j]) for i, j in pairs])
    )
    assert found["kl"] == pytest.approx(
        np.mean([rel_entr(probs[i], probs[j]).sum(axis=1).mean() for i, j in permutations(range(4), 2)])
    )
    each = divergences(torch.tensor(np.log(probs)))
    for i, j in permutations(range(4), 2):
        assert each[i, j].item() == pytest.approx(rel_entr(probs[i], probs[j]).sum(axis=1).mean())
    wrong = (classes != labels).astype(float)
    assert found["error_correlation"] == pytest.approx(
        np.mean([pearsonr(wrong[i], wrong[j]).statistic for i, j in pairs])
    )


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_members_that_are_alike_do_not_differ(members: int, seed: int) -> None:
    probs, labels = drawn(1, 40, 3, seed)
    found = diversity(torch.tensor(np.log(np.repeat(probs, members, axis=0))), torch.tensor(labels))
    assert found["disagreement"] == 0
    assert found["kl"] == pytest.approx(0, abs=1e-12)
    assert found.get("error_correlation", 1) == pytest.approx(1)


def test_what_is_undefined_is_left_out() -> None:
    log_probs = torch.tensor([[[0.9, 0.1]] * 3, [[0.8, 0.2]] * 3]).log()
    assert "error_correlation" not in diversity(log_probs, torch.zeros(3, dtype=torch.int64))  # never wrong
    assert diversity(log_probs[:1], torch.zeros(3, dtype=torch.int64)) == {}

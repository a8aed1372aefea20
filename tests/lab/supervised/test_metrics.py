"""Scores by class are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from lab.supervised import metrics

FEW = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


def answered(answers: list[int], classes: int = 4) -> np.ndarray:
    """Log-probabilities of one who is nearly sure."""
    return np.log(np.eye(classes)[answers] * 0.9 + 0.1 / classes)


@settings(deadline=None, max_examples=60)
@given(FEW)
def test_scores_by_class_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    answers, labels = (np.array(column) for column in zip(*pairs, strict=True))
    found = metrics.scores(answered(answers.tolist()), labels)
    assert found["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(labels, answers, average="macro"))
    present = np.unique(labels)
    recalls = sklearn_metrics.recall_score(labels, answers, average=None, labels=present)
    assert {name: value for name, value in found.items() if name.startswith("recall/")} == pytest.approx(
        {f"recall/{label}": value for label, value in zip(present, recalls, strict=True)}
    )
    assert found["worst_recall"] == pytest.approx(recalls.min())
    assert found["balanced_accuracy"] == pytest.approx(recalls.mean())


def test_head_and_tail_are_thirds_by_training_counts() -> None:
    recalls = dict(enumerate([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    found = metrics.by_frequency(recalls, np.array([5, 100, 20, 10, 50, 1]))
    assert found == pytest.approx({"head_accuracy": 0.35, "medium_accuracy": 0.35, "tail_accuracy": 0.35})
    found = metrics.by_frequency(recalls, np.array([32, 16, 8, 4, 2, 1]))
    assert found == pytest.approx({"head_accuracy": 0.15, "medium_accuracy": 0.35, "tail_accuracy": 0.55})
    assert metrics.by_frequency(recalls, np.array([10, 10, 9, 8, 7, 6])) == {}


def test_of_many_classes_no_column_is_made_for_each() -> None:
    found = metrics.scores(answered([0, 1], classes=31), np.array([0, 2]))
    assert not [name for name in found if name.startswith("recall/")]
    assert found["worst_recall"] == 0

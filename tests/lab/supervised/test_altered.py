"""Long tails and wrong labels: the published profile, the share asked for, drawn by the seed, in training alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.supervised import altered
from lab.supervised.config import SupervisedConfig
from lab.supervised.datasets import Labelled
from lab.supervised.trainer import SupervisedTrainer
from lab.training.config import resolve
from lab.training.trainer import Context

LABELS = torch.arange(500) % 5
DATA = Labelled(torch.arange(500.0)[:, None], LABELS, torch.zeros(7, 1), torch.arange(7) % 5, 5)


def test_the_profile_is_that_of_cifar_10_lt() -> None:
    assert altered.tail_counts(5000, 10, 100) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert altered.tail_counts(5000, 10, 10) == [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]
    assert altered.tail_counts(5000, 3, 1) == [5000] * 3


def test_what_a_small_class_costs_is_said() -> None:
    """Of 40, 10 and 20 samples a profile from 10 on is kept, as its head can have no more than any class has."""
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([40, 10, 20]))
    told: list[str] = []
    altered.altered(Labelled(torch.zeros(70, 1), labels, DATA.test_inputs, DATA.test_labels, 3), 2, 0, 0, told.append)
    altered.altered(DATA, 50, 0, 0, told.append)
    assert told == [
        "imbalance: 22 of 70 training samples are kept, as the head has no more than the smallest class, 10"
    ]


def test_a_long_tail_keeps_samples_with_their_labels() -> None:
    found = altered.altered(DATA, 50, 0, seed=3)
    assert torch.bincount(found.labels).tolist() == altered.tail_counts(100, 5, 50)
    assert torch.equal(LABELS[found.inputs[:, 0].long()], found.labels)
    assert found.test_labels is DATA.test_labels
    again, other = altered.altered(DATA, 50, 0, seed=3), altered.altered(DATA, 50, 0, seed=4)
    assert torch.equal(found.inputs, again.inputs)
    assert not torch.equal(found.inputs, other.inputs)


def test_unequal_classes_are_brought_to_the_profile_of_the_smallest() -> None:
    labels = torch.tensor([0] * 90 + [1] * 20 + [2] * 50)
    kept = altered.long_tailed(labels, 3, 4, torch.Generator().manual_seed(0))
    assert torch.bincount(labels[kept]).tolist() == [20, 10, 5]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 8), st.floats(0, 0.99), st.integers(0, 99))
def test_as_many_labels_as_asked_for_are_wrong(classes: int, share: float, seed: int) -> None:
    labels = torch.arange(200) % classes
    found = altered.mislabelled(labels, classes, share, torch.Generator().manual_seed(seed))
    assert int((found != labels).sum()) == round(share * 200)
    assert 0 <= int(found.min()) <= int(found.max()) < classes


def test_every_other_class_is_equally_likely() -> None:
    labels = torch.zeros(30_000, dtype=torch.int64)
    found = altered.mislabelled(labels, 4, 0.9, torch.Generator().manual_seed(0))
    assert torch.bincount(found).tolist() == pytest.approx([3000, 9000, 9000, 9000], rel=0.03)


def test_nothing_asked_for_changes_nothing() -> None:
    assert altered.altered(DATA, 1, 0, seed=0) is DATA


def test_an_empty_class_is_one_line() -> None:
    with pytest.raises(UserError, match="imbalance: 200 leaves no sample of class 4; at most 100 is"):
        altered.altered(DATA, 200, 0, seed=0)


BASE: dict[str, Any] = {
    "steps": 4,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [4]},
    "clock": {"period": 4},
    "voices": {"lr": 1e-3},
}


@pytest.mark.parametrize("changes", [{"imbalance": 0.5}, {"label_noise": 1}, {"label_noise": -0.1}])
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(changes))) as told:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(told.value)


def test_held_out_samples_are_balanced_and_whole_where_training_is_not(tmp_path: Path) -> None:
    changes = {"validation": 300, "imbalance": 10, "label_noise": 0.2}
    context = Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None)
    trained = SupervisedTrainer(resolve(SupervisedConfig, BASE, changes), context)
    clean = SupervisedTrainer(resolve(SupervisedConfig, BASE, {"validation": 300}), context)
    assert torch.equal(trained.data.test_labels, clean.data.test_labels)
    share = (torch.bincount(clean.data.labels) + torch.bincount(clean.data.test_labels)) * 300 / 1437
    assert torch.bincount(trained.data.test_labels).tolist() == pytest.approx(share.tolist(), abs=1)
    assert {"evaluation/head_accuracy", "evaluation/tail_accuracy"} <= trained.evaluate().keys()
    assert "evaluation/tail_accuracy" not in clean.evaluate()

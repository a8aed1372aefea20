"""Label smoothing is torch's, and follows its voice."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.smoothing import smoothed, smoothed_over_open
from lab.techniques.technique import CLOSED
from lab.training.config import resolve
from lab.training.trainer import Context


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(2, 12), st.integers(0, 1000))
def test_it_is_torchs_label_smoothing(smoothing: float, classes: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(9, classes, generator=random, dtype=torch.float64)
    labels = torch.randint(classes, (9,), generator=random)
    log_probs = functional.log_softmax(logits, dim=1)
    plain = functional.nll_loss(log_probs, labels, reduction="none")
    theirs = functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    for strength in (smoothing, torch.tensor(smoothing, dtype=torch.float64)):
        torch.testing.assert_close(smoothed(plain, log_probs, strength), theirs, rtol=1e-12, atol=1e-12)


def test_labels_are_spread_over_open_classes_alone() -> None:
    logits = torch.randn(6, 4, requires_grad=True)
    labels = torch.tensor([1, 3, 1, 3, 3, 1])
    closed = logits.masked_fill(torch.tensor([True, False, True, False]), CLOSED)
    log_probs = functional.log_softmax(closed, dim=1)
    losses = functional.nll_loss(log_probs, labels, reduction="none")
    found = smoothed_over_open(losses, log_probs, 0.2)
    two = functional.cross_entropy(logits[:, [1, 3]], (labels == 3).long(), reduction="none", label_smoothing=0.2)
    assert torch.allclose(found, two, atol=1e-6)


def test_the_trainer_says_where_classes_are_closed(tmp_path: Path) -> None:
    tasks = {"name": "split", "number": 5, "incremental": "task"}
    changes = {"steps": 10, "data": {"name": "digits"}, "network": "mlp", "tasks": tasks, "techniques": ["smoothing"]}
    config = resolve(SupervisedConfig, {**changes, "clock": {"period": 5}, "voices": {"lr": 1e-3, "smoothing": 0.1}})
    one = SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))
    one.advance(10)
    assert one.metrics()["train/loss"] < 1

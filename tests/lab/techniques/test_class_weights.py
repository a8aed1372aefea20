"""Class weights: scikit-learn's balanced ones, Cui's effective numbers, and a mean of 1 at every strength."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from lab.errors import UserError
from lab.phase import Clock, Schedule
from lab.techniques.class_counts import counted
from lab.techniques.class_weights import class_weights, weighted

COUNTS = st.lists(st.integers(1, 5000), min_size=2, max_size=10).map(torch.tensor)


def test_inverse_weights_are_scikit_learns_balanced_ones() -> None:
    labels = np.repeat(np.arange(4), [50, 20, 5, 1])
    theirs = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(class_weights(torch.bincount(torch.tensor(labels))).numpy(), theirs)


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.sampled_from([0.0, 0.9, 0.999, 0.9999]))
def test_effective_weights_are_those_of_the_paper_up_to_scale(counts: torch.Tensor, beta: float) -> None:
    found = class_weights(counts, "effective", beta).numpy()
    effective = (1 - beta ** counts.numpy().astype(float)) / (1 - beta)
    np.testing.assert_allclose(found * effective, found[0] * effective[0], rtol=1e-6)


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.floats(0, 1), st.sampled_from(["inverse", "effective"]))
def test_the_mean_weight_of_a_training_sample_is_one(counts: torch.Tensor, strength: float, kind: str) -> None:
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    weights = class_weights(counts, kind)  # type: ignore[arg-type]
    found = weighted(torch.ones(len(labels), dtype=torch.float64), labels, weights, strength)
    assert float(found.mean()) == pytest.approx(1, rel=1e-9)
    assert float(found.min()) >= 0


def test_strength_goes_from_equal_to_full_weights() -> None:
    counts = torch.tensor([8, 2])
    labels, losses = torch.tensor([0, 1]), torch.tensor([1.0, 1.0])
    weights = class_weights(counts).float()
    assert weighted(losses, labels, weights, 0.0).tolist() == [1, 1]
    assert weighted(losses, labels, weights, 1.0).tolist() == pytest.approx([0.625, 2.5])
    assert weighted(losses, labels, weights, torch.tensor(0.5)).tolist() == pytest.approx([0.8125, 1.75])


def test_with_full_weights_the_mean_loss_is_that_of_torch() -> None:
    """Torch divides by the batch's own sum of weights, which for all the data is the number of samples."""
    labels = torch.arange(3).repeat_interleave(torch.tensor([30, 10, 2]))
    logits = torch.randn(42, 3)
    weights = class_weights(torch.bincount(labels)).float()
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    theirs = torch.nn.functional.cross_entropy(logits, labels, weight=weights)
    torch.testing.assert_close(weighted(losses, labels, weights, 1.0).mean(), theirs)


def test_an_empty_class_is_refused() -> None:
    with pytest.raises(UserError, match="class 1 has no training sample"):
        counted(torch.tensor([3, 0, 2]))
    with pytest.raises(UserError, match="no classes to weigh"):
        counted(torch.tensor([]))


@pytest.mark.parametrize(("steps", "drw_start"), [(100, 0.8), (3000, 0.8), (100, 0.5)])
def test_deferred_reweighting_is_the_voice_that_the_docstring_says(steps: int, drw_start: float) -> None:
    clock = Clock(period=round(2 * drw_start * steps), cycles=1)
    voice = Schedule(clock, wave="square", low=0.0, high=1.0, inverted=True)
    begun = round(drw_start * steps)
    assert voice.table(steps).tolist() == [0.0] * begun + [1.0] * (steps - begun)

"""Focal loss: cross-entropy at 0, torchvision's formula for two classes, and gradients that stay finite."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lab.techniques.focal import focal


def losses_of(logits: torch.Tensor, labels: torch.Tensor, gamma: float) -> torch.Tensor:
    log_probs = functional.log_softmax(logits, dim=1)
    return focal(functional.nll_loss(log_probs, labels, reduction="none"), log_probs, labels, gamma)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_of_two_classes_it_is_torchvisions(gamma: float) -> None:
    """torchvision.ops.sigmoid_focal_loss without alpha: −(1 − p_t)^γ·log p_t, p = sigmoid(x)."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(50, generator=random, dtype=torch.float64).mul(3).requires_grad_()
    labels = torch.randint(2, (50,), generator=random)
    p = torch.sigmoid(x)
    entropy = functional.binary_cross_entropy_with_logits(x, labels.double(), reduction="none")
    p_t = p * labels + (1 - p) * (1 - labels)
    theirs = entropy * ((1 - p_t) ** gamma)
    mine = losses_of(torch.stack((torch.zeros_like(x), x), dim=1), labels, gamma)
    torch.testing.assert_close(mine, theirs)
    gradients = [torch.autograd.grad(loss.sum(), x, retain_graph=True)[0] for loss in (mine, theirs)]
    torch.testing.assert_close(*gradients)


def test_at_0_it_is_cross_entropy() -> None:
    logits, labels = torch.randn(9, 4), torch.arange(9) % 4
    plain = functional.cross_entropy(logits, labels, reduction="none")
    assert torch.equal(losses_of(logits, labels, 0.0), plain)
    log_probs = functional.log_softmax(logits, dim=1)
    torch.testing.assert_close(focal(plain, log_probs, labels, torch.tensor(0.0)), plain)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 20), st.floats(-200, 200))
@example(0.5, 200.0)
def test_gradients_are_finite_however_sure_the_answer(gamma: float, logit: float) -> None:
    logits = torch.tensor([[logit, 0.0]], requires_grad=True)
    loss = losses_of(logits, torch.tensor([0]), gamma).sum()
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_sure_answers_count_less_the_larger_gamma_is() -> None:
    logits, labels = torch.tensor([[4.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 0])
    shares = [float((found := losses_of(logits, labels, gamma))[0] / found.sum()) for gamma in (0.0, 1.0, 2.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.01 * shares[0]

"""Logit adjustment: Bayes' rule for equal classes, and the same answers by the loss as after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.logit_adjustment import adjusted, log_priors
from lab.training.config import resolve
from lab.training.trainer import Context

COUNTS = torch.tensor([60, 30, 10])
PRIORS = log_priors(COUNTS)


def test_the_priors_are_shares() -> None:
    assert PRIORS.exp().tolist() == pytest.approx([0.6, 0.3, 0.1])


def test_what_knows_the_posterior_answers_for_equal_classes() -> None:
    """Gaussians of unequal priors: the adjusted posterior is that of equal ones, class by class."""
    x = torch.linspace(-3, 5, 41, dtype=torch.float64)
    likelihood = torch.distributions.Normal(torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), 1).log_prob(x[:, None])
    posterior = functional.log_softmax(likelihood + PRIORS, dim=1)
    balanced = functional.log_softmax(likelihood, dim=1)
    torch.testing.assert_close(adjusted(posterior, PRIORS, 1.0), balanced)
    torch.testing.assert_close(adjusted(posterior, PRIORS, 0.0), posterior)


def test_the_loss_that_knows_the_priors_is_least_at_the_balanced_logits() -> None:
    """Menon et al. 2021: the minimiser of the adjusted loss needs no adjustment after training."""
    random = np.random.default_rng(0)
    joint = torch.tensor(random.dirichlet(np.ones(4), size=3)) * PRIORS.exp()[:, None]  # P(y, x), x of 4 values
    likelihood = joint / joint.sum(dim=1, keepdim=True)
    for logits, least in ((likelihood.log().T, True), (joint.log().T, False)):
        own = logits.clone().requires_grad_()
        (-(joint.T * functional.log_softmax(own + PRIORS, dim=1)).sum()).backward()
        assert own.grad is not None
        assert (float(own.grad.abs().max()) < 1e-12) == least  # it is convex in the logits


BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "imbalance": 20,
    "network": {"network": "mlp", "hidden": [16]},
    "techniques": [{"name": "logit_adjustment", "form": "post_hoc"}],
    "clock": {"period": 16},
    "voices": {"lr": 3e-3, "logit_adjustment.tau": {"wave": "cosine", "low": 0.0, "high": 2.0}},
}


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    context = Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None)
    return SupervisedTrainer(resolve(SupervisedConfig, BASE, changes), context)


def test_a_resumed_run_scores_with_the_tau_of_its_last_step(tmp_path: Path) -> None:
    one, other = trainer(tmp_path), trainer(tmp_path)
    one.advance(30)
    other.load_state_dict(one.state_dict())
    assert other.evaluate() == one.evaluate()


def test_of_a_long_tail_the_adjusted_answers_find_more_of_the_rare_classes(tmp_path: Path) -> None:
    trained = trainer(tmp_path, **{"voices.logit_adjustment.tau": 1.0})
    trained.advance(40)
    found = trained.evaluate()
    assert found["evaluation/adjusted/tail_accuracy"] > found["evaluation/tail_accuracy"] + 0.1


def test_answers_of_a_network_trained_with_the_priors_are_the_adjusted_ones(tmp_path: Path) -> None:
    part = {"name": "logit_adjustment", "form": "loss"}
    trained = trainer(tmp_path, techniques=[part], deployed="adjusted")
    trained.advance(5)
    found = trained.evaluate()
    for word in ("adjusted", "deployed"):
        assert found[f"evaluation/{word}/balanced_accuracy"] == found["evaluation/balanced_accuracy"]


def test_a_class_without_a_sample_is_refused() -> None:
    with pytest.raises(UserError, match="class 1 has no training sample"):
        log_priors(torch.tensor([2, 0]))

"""How the policy's loss of a rollout curves, and how noisy its gradient is: columns of the metrics log."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.diagnostics.curvature import gradient_noise, gradient_of, hessian, leading_eigenvalues
from rl.observations import each
from rl.rollouts import Rollout

SAMPLES = 4096
"""Transitions that are looked at, at most."""
BATCHES = 16
"""Disjoint batches of them, at most, whose gradients are compared."""


def measured(model: Any) -> dict[str, float]:
    """Leading curvature and gradient noise of the policy's loss on the model's last rollout.

    The loss is what an update begins with if the present policy had made the rollout:
    ``-mean(A π(a|s) / π_now(a|s)) - ent_coef * mean(entropy)``, every ratio 1. The advantages A are the rollout's,
    standardised over it where the agent standardises them. The value function's loss is no part of it.

    Args:
        model: an SB3 agent that learns from rollouts; neither its gradients nor any random generator is touched.

    Returns:
        ``curvature/leading``: the largest eigenvalue of the Hessian; ``curvature/signal`` and ``curvature/noise``:
        |G|² and tr Σ of :class:`lab.diagnostics.curvature.GradientNoise`. Empty before the first rollout, and of one
        transition; a column that is not finite is left out.
    """
    if not model.rollout_buffer.full:
        return {}
    rollout = Rollout(model, model.rollout_buffer)
    batches = min(BATCHES, rollout.size)
    if batches < 2:
        return {}
    size = min(rollout.size, SAMPLES) // batches
    model.policy.set_training_mode(False)
    # Neighbours in a rollout are alike: batches are dealt from a shuffle, the same one every time.
    places = np.random.default_rng(0).permutation(rollout.size)[: size * batches]
    parameters = [parameter for parameter in model.policy.parameters() if parameter.requires_grad]
    whole = rollout.taken(places)
    if model.normalize_advantage:
        deviation, mean = torch.std_mean(whole["advantages"])
        whole["advantages"] = (whole["advantages"] - mean) / (deviation + 1e-8)
    found = leading_eigenvalues(hessian(_loss(model, whole), parameters))
    parts = [each(itemgetter(slice(start, start + size)), whole) for start in range(0, len(places), size)]
    noise = gradient_noise(np.stack([gradient_of(_loss(model, part), parameters) for part in parts]), size)
    row = {"leading": float(found[0]), "signal": noise.signal, "noise": noise.variance}
    return {f"curvature/{name}": value for name, value in row.items() if np.isfinite(value)}


def _loss(model: Any, batch: Mapping[str, Any]) -> Tensor:
    _, log_prob, entropy = model.policy.evaluate_actions(batch["observations"], batch["actions"])
    advantages = batch["advantages"]
    ratio = (log_prob - log_prob.detach()).exp()
    spread = -log_prob if entropy is None else entropy  # SB3's estimate where a distribution cannot say it
    loss: Tensor = -(advantages * ratio).mean() - model.ent_coef * spread.mean()
    return loss

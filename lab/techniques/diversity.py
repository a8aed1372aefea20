"""How different the members of an ensemble are: pure functions of what each of them says."""

from __future__ import annotations

import torch
from torch import Tensor


def diversity(log_probs: Tensor, labels: Tensor) -> dict[str, float]:
    """Means over all pairs of members; nothing for a single member.

    - ``disagreement``: the share of samples that a pair gives different classes, in [0, 1] (arXiv 1912.02757).
    - ``kl``: Kullback-Leibler divergence between what a pair says, in nats, over both orders.
    - ``error_correlation``: Pearson's correlation of a pair's errors (wrong: 1, right: 0), in [−1, 1]; pairs of which
      one is always or never wrong are left out, and the number is, where no pair is left.

    Args:
        log_probs: float[members, n, classes].
        labels: int64[n].
    """
    members = len(log_probs)
    if members < 2:
        return {}
    apart = ~torch.eye(members, dtype=torch.bool)
    classes = log_probs.argmax(dim=2)
    wrong = (classes != labels).double()
    disagreement = (classes[:, None] != classes[None]).double().mean(dim=2)
    found = {
        "disagreement": disagreement[apart].mean().item(),
        "kl": divergences(log_probs)[apart].mean().item(),
    }
    varied = wrong[wrong.std(dim=1, correction=0) > 0]
    if len(varied) > 1:
        others = ~torch.eye(len(varied), dtype=torch.bool)
        found["error_correlation"] = torch.corrcoef(varied)[others].mean().item()
    return found


def divergences(log_probs: Tensor) -> Tensor:
    """KL(member i ‖ member j) = mean over samples of Σ p_i (log p_i − log p_j), float64[members, members]."""
    exact = log_probs.double()
    cross = torch.einsum("ink,jnk->ij", exact.exp(), exact) / exact.shape[1]
    return cross.diagonal()[:, None] - cross

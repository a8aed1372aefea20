"""Label smoothing is torch's, and follows its voice."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lab.techniques.smoothing import smoothed


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

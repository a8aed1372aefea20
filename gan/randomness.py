"""Independent streams of random numbers from one seed, so that no use of chance shifts another."""

from __future__ import annotations

import numpy as np
import torch

STREAMS = ("weights", "noise", "draws", "order", "evaluation", "snapshot", "samples", "view", "stacks")
"""What chance is used for. The place in this list is part of a run's reproducibility: append only."""


def stream(seed: int, use: str, device: torch.device | None = None, step: int = 0) -> torch.Generator:
    """A generator on ``device`` (the CPU by default) for one use; ``step`` gives each moment its own numbers."""
    sequence = np.random.SeedSequence([seed, STREAMS.index(use), step])
    return torch.Generator(device or "cpu").manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))

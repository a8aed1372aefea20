"""Independent streams of random numbers from one seed, each for one use of chance, so that none shifts another."""

from __future__ import annotations

import hashlib
from types import TracebackType

import numpy as np
import torch


def stream(seed: int, use: str, device: torch.device | None = None, step: int = 0) -> torch.Generator:
    """A generator on ``device`` (the CPU by default) for the use of chance that a word names.

    Args:
        seed: of the run.
        use: any word; the numbers depend on it, and not on which other words there are.
        device: where it draws.
        step: gives each moment its own numbers.
    """
    word = int.from_bytes(hashlib.sha256(use.encode()).digest()[:8])
    sequence = np.random.SeedSequence([seed, word, step])
    return torch.Generator(device or "cpu").manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))


class OwnNoise:
    """A context in which torch's global generators are one run's own; outside of it they are as they were.

    Modules such as dropout draw from them and take no other.

    Args:
        random: where the run's noise begins.
        device: its generator is owned too, where it is a CUDA device.
    """

    def __init__(self, random: torch.Generator, device: torch.device) -> None:
        self._device = device
        outside = self._read()
        torch.manual_seed(int(torch.randint(2**62, (), generator=random)))
        self._inside = self._read()
        self._write(outside)

    def __enter__(self) -> None:
        self._outside = self._read()
        self._write(self._inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = self._read()
        self._write(self._outside)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The run's generators (call it outside the context)."""
        return dict(self._inside)

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Continue the run's generators from ``state_dict``."""
        self._inside = {name: state[name] for name in self._inside}

    def _read(self) -> dict[str, torch.Tensor]:
        found = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def _write(self, state: dict[str, torch.Tensor]) -> None:
        torch.set_rng_state(state["cpu"])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self._device)

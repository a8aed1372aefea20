"""Independent streams of random numbers from one seed, each for one use of chance, so that none shifts another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any

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


def draws(seed: int, use: str, *places: int) -> np.random.Generator:
    """A generator of NumPy's for the use of chance that a word names, another one at each place.

    It is derived, not kept: whoever knows seed, use and places (such as a client and a round) has the same numbers.
    """
    word = int.from_bytes(hashlib.sha256(use.encode()).digest()[:8])
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, word, *places])))


class OwnNoise:
    """A context in which torch's global generators are one run's own.

    Modules such as dropout draw from them and take no other. Inside the context they continue where the run left them;
    outside, the caller's are as they were: nothing that happens between two calls changes what the run draws.

    Args:
        seed: where the run's generators begin.
        device: its generator is owned too, where it is a CUDA device.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        outside = self._read()
        self._seed(seed)
        self._inside = self._read()
        self._outside = outside
        self._write(outside)

    def __enter__(self) -> None:
        self._outside = self._read()
        self._write(self._inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = self._read()
        self._write(self._outside)

    def state_dict(self) -> dict[str, Any]:
        """The run's generators (call it outside the context)."""
        return dict(self._inside)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the run's generators from ``state_dict``."""
        self._inside = dict(state)

    def _seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = {"torch": torch.get_rng_state()}
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def _write(self, state: Mapping[str, Any]) -> None:
        torch.set_rng_state(torch.as_tensor(state["torch"], dtype=torch.uint8))
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(torch.as_tensor(state["cuda"], dtype=torch.uint8), self._device)

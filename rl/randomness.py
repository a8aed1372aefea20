"""The global random generators that SB3 draws from, owned by one run: swapped in while it trains, and saved with it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import torch


class OwnRandomness:
    """A context in which Python's, NumPy's and torch's global generators are this run's own.

    SB3 samples actions from torch's global generator and shuffles minibatches with NumPy's. Inside the context these
    continue where the run left them; outside, the caller's are as they were. So nothing that happens between two
    calls (an evaluation, another run in the same process) changes what the run draws.

    Args:
        seed: where the run's generators begin.
        device: its generator is owned too, where it is a CUDA device.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        outside = self._read()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
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

    def _read(self) -> dict[str, Any]:
        version, internal, gauss = random.getstate()
        _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        state: dict[str, Any] = {
            "python": {"version": version, "internal": np.array(internal, dtype=np.uint32), "gauss": gauss},
            "numpy": {"keys": np.array(keys), "position": position, "has_gauss": has_gauss, "cached": cached},
            "torch": torch.get_rng_state(),
        }
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def _write(self, state: Mapping[str, Any]) -> None:
        python, numpy = state["python"], state["numpy"]
        random.setstate((python["version"], tuple(int(word) for word in python["internal"]), python["gauss"]))
        np.random.set_state(
            ("MT19937", np.asarray(numpy["keys"], np.uint32), numpy["position"], numpy["has_gauss"], numpy["cached"])
        )
        torch.set_rng_state(torch.as_tensor(state["torch"], dtype=torch.uint8))
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(torch.as_tensor(state["cuda"], dtype=torch.uint8), self._device)

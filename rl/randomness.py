"""The global random generators that SB3 draws from, owned by one run: swapped in while it trains, and saved with it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from lab.training.randomness import OwnNoise


class OwnRandomness(OwnNoise):
    """A context in which Python's and NumPy's global generators are this run's own as well as torch's.

    SB3 samples actions from torch's global generator and shuffles minibatches with NumPy's.
    """

    def _seed(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        super()._seed(seed)

    def _read(self) -> dict[str, Any]:
        version, internal, gauss = random.getstate()
        _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        return {
            "python": {"version": version, "internal": np.array(internal, dtype=np.uint32), "gauss": gauss},
            "numpy": {"keys": np.array(keys), "position": position, "has_gauss": has_gauss, "cached": cached},
            **super()._read(),
        }

    def _write(self, state: Mapping[str, Any]) -> None:
        python, numpy = state["python"], state["numpy"]
        random.setstate((python["version"], tuple(int(word) for word in python["internal"]), python["gauss"]))
        np.random.set_state(
            ("MT19937", np.asarray(numpy["keys"], np.uint32), numpy["position"], numpy["has_gauss"], numpy["cached"])
        )
        super()._write(state)

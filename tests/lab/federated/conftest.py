"""Small federated trainers, and what stands between their clients and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.federated.answer import Absence, Answer, Clients, Reply, Weights
from lab.federated.config import FederatedConfig
from lab.federated.trainer import FederatedTrainer
from lab.training.config import resolve
from lab.training.trainer import Context

DIGITS: dict[str, Any] = {
    "steps": 12,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "batch_size": 16,
    "clock": {"period": 6},
    "voices": {"lr": {"wave": "cosine", "low": 0.0, "high": 0.4}},
    "federated": {"clients": 5, "partition": "shards", "local_steps": 3},
}
RING: dict[str, Any] = {
    "steps": 12,
    "data": {"name": "ring"},
    "generator": {"network": "mlp", "width": 16, "depth": 1},
    "discriminator": {"network": "mlp", "width": 16, "depth": 1},
    "batch_size": 16,
    "evaluation_samples": 200,
    "clock": {"period": 6},
    "voices": {
        "lr.discriminator": {"wave": "cosine", "low": 0.0, "high": 0.2},
        "lr.generator": {"follow": "lr.discriminator", "relation": "quadrature", "low": 0.0, "high": 0.1},
        "r1.weight": 0.1,
    },
    "federated": {"clients": 4, "partition": "shards", "local_steps": 3},
}
Make = Callable[..., FederatedTrainer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a trainer of a configuration with changes; what it tells is kept as ``events``."""

    def made(base: Mapping[str, Any] = DIGITS, **changes: Any) -> FederatedTrainer:
        events: list[dict[str, Any]] = []

        def event(kind: str, step: int, **data: Any) -> None:
            events.append({"kind": kind, "step": step, **data})

        config = resolve(FederatedConfig, base, changes)
        trainer = FederatedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, event))
        trainer.events = events  # type: ignore[attr-defined]
        return trainer

    return made


class Tampered:
    """Clients of whom some answer otherwise than they would: what stands in for broken ones."""

    def __init__(self, inner: Clients, by: Mapping[int, Callable[[Answer], Reply]]) -> None:
        self._inner, self._by = inner, by

    def replies(self, step: int, chosen: Sequence[int], weights: Weights) -> Iterator[Reply]:
        inner: Iterable[Reply] = self._inner.replies(step, chosen, weights)
        for reply in inner:
            change = self._by.get(reply.client)
            yield change(reply) if change is not None and isinstance(reply, Answer) else reply

    def close(self) -> None:
        self._inner.close()


def spoilt(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Answer], Answer]:
    """Changes one tensor of each network of an answer that has it."""

    def spoil(answer: Answer) -> Answer:
        weights = {n: {k: change(t) if k == name else t for k, t in own.items()} for n, own in answer.weights.items()}
        return replace(answer, weights=weights)

    return spoil


def gone(answer: Answer) -> Absence:
    """Drops out in the middle of a round."""
    return Absence(answer.client, "it hung up")

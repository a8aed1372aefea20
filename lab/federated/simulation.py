"""All clients in this process: one after the other they train the same networks, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.federated.answer import Reply, Weights
from lab.federated.local import Local


class Simulation:
    """Obeys :class:`lab.federated.answer.Clients`; memory does not depend on how many are asked."""

    def __init__(self, local: Local) -> None:
        self._local = local

    def replies(self, step: int, chosen: Sequence[int], weights: Weights) -> Iterator[Reply]:
        """Each client's answer, when it is asked for."""
        for client in chosen:
            yield self._local.answer(client, step, weights)

    def close(self) -> None:
        """Nothing was begun."""

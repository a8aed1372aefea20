"""CUDA graphs of a step: each kind of step is played a few times as it is, then recorded once, then replayed.

What is played before the recording are steps of training like any other, and recording plays nothing: no state has to
be put back. A graph draws from the registered generators as the step itself would, from where they stand at a replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch

from gan.table import Kind

WARM = 3
"""Steps of a kind before its recording, on a stream of their own: they load kernels, and make what optimisers keep."""


class Graphs:
    """Plays ``step``, which takes nothing but its kind from the host and keeps its state in the same places.

    Recording waits for the device, once a kind; a replay does not.

    Args:
        step: plays a step of a kind.
        generators: on the device, that it draws from.
    """

    def __init__(self, step: Callable[[Kind], None], generators: Sequence[torch.Generator]) -> None:
        self._step = step
        self._generators = generators
        self._warmed: Counter[Kind] = Counter()
        self._recorded: dict[Kind, torch.cuda.CUDAGraph] = {}
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, kind: Kind) -> None:
        """Play the step that comes, without waiting for it."""
        if kind in self._recorded:
            self._recorded[kind].replay()
        elif self._warmed[kind] < WARM:
            self._warmed[kind] += 1
            self._aside(kind)
        else:
            self._recorded[kind] = self._record(kind)
            self._recorded[kind].replay()

    def _aside(self, kind: Kind) -> None:
        """Play it on a stream of its own, as what comes before a recording has to be."""
        current = torch.cuda.current_stream()
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            self._step(kind)
        current.wait_stream(self._side)

    def _record(self, kind: Kind) -> torch.cuda.CUDAGraph:
        """A graph of the step; all kinds share their memory, in which nothing stays from one step to the next."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self._pool, stream=self._side):
            self._step(kind)
        return graph

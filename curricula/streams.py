"""Uniform numbers for many environments, each from a random generator of its own, drawn ahead a block at a time.

Asking a generator costs as much for sixty numbers as for four, and in a large batch some episode ends in every step. So
each environment's numbers are drawn for many first states at once. Nobody can tell: the numbers of a stream do not
depend on how many are asked for together, and what is saved is the generator wound back by those not yet handed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from lab.errors import UserError

LEAST, MOST, TOGETHER = 16, 256, 65_536
"""First states drawn ahead of an environment: at least and at most, and of all of them about so many."""


class Streams:
    """``count`` environments that take ``draws`` numbers at a time.

    ``ahead`` is for how many first states they are drawn at once; None as suits the number of environments.
    """

    def __init__(self, count: int, draws: int, ahead: int | None = None) -> None:
        """Begin without generators: ``seed`` or ``load`` brings them."""
        self._count = count
        self._ahead = ahead or min(max(TOGETHER // count, LEAST), MOST)
        self._generators: list[np.random.Generator] = []
        self._blocks = np.zeros((count, self._ahead, draws))
        self._rows = self._blocks.reshape(count * self._ahead, draws)
        self._end = np.arange(1, count + 1) * self._ahead
        self._next = self._end.copy()
        """The row of each environment's next numbers; at its block's end the block is used up."""

    def seed(self, seed: int | Sequence[int | None] | None, where: NDArray[np.bool_]) -> None:
        """New generators: seed + i for environment i, or its own of a sequence; None keeps one that there is.

        Args:
            seed: as ``gymnasium.vector.VectorEnv.reset`` takes it.
            where: bool[count], the environments that are meant; the very first call means all.
        """
        if seed is None or isinstance(seed, int):
            seeds: list[int | None] = [None if seed is None else seed + i for i in range(self._count)]
        else:
            seeds = list(seed)
            if len(seeds) != self._count:
                raise UserError(f"seed has {len(seeds)} values; accepted: one, or {self._count}")
        if not self._generators:
            self._generators = [seeding.np_random(own)[0] for own in seeds]
            return
        for i, own in enumerate(seeds):
            if own is not None and where[i]:
                self._generators[i] = seeding.np_random(own)[0]
                self._next[i] = self._end[i]

    def take(self, index: NDArray[np.intp]) -> NDArray[np.float64]:
        """The next numbers in [0, 1) of some environments, float64[draws, len(index)]."""
        row = self._next[index]
        spent = index[row == self._end[index]]
        if spent.size:
            for i in spent.tolist():
                self._generators[i].random(out=self._blocks[i])
            self._next[spent] -= self._ahead
            row = self._next[index]
        self._next[index] = row + 1
        return self._rows.take(row, axis=0).T

    def save(self) -> list[dict[str, Any]]:
        """Each generator's state, as JSON values, as if nothing had been drawn ahead."""
        unused = (self._end - self._next) * self._rows.shape[1]
        return [_wound_back(own, ahead) for own, ahead in zip(self._generators, unused.tolist(), strict=True)]

    def load(self, states: Sequence[dict[str, Any]]) -> None:
        """Go on where ``save`` was called."""
        self._generators = [np.random.Generator(np.random.PCG64(0)) for _ in range(self._count)]
        for generator, state in zip(self._generators, states, strict=True):
            generator.bit_generator.state = state
        self._next = self._end.copy()


def _wound_back(generator: np.random.Generator, numbers: int) -> dict[str, Any]:
    """The state of a generator before its last ``numbers``: PCG64 spends one of its own for each."""
    earlier: Any = np.random.PCG64(0)
    earlier.state = generator.bit_generator.state
    if numbers:
        earlier.advance(-numbers)
    return dict(earlier.state)

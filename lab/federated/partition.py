"""Which samples each client has: a function from a client's number, so that nothing is kept for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lab.errors import UserError
from lab.training.parts import Part, Parts
from lab.training.randomness import draws

Places = NDArray[np.int64]
"""Of samples among those of the training part."""
Draw = Callable[[int], Places]
"""The samples of a client by its number."""


@dataclass(frozen=True)
class Request:
    """What is shared out.

    Attributes:
        labels: of the samples, int64[samples].
        clients: how many there are.
        samples: of each client, drawn on its own, so that two clients may have the same; None shares all samples out,
            each to one client.
        seed: of the run.
    """

    labels: Places
    clients: int
    samples: int | None
    seed: int

    def chance(self, *client: int) -> np.random.Generator:
        """The generator of all clients' shares, or of one client's own."""
        return draws(self.seed, "partition", *client)


class PartitionPart(Part):
    """How samples are shared out. A subclass adds its settings as fields."""

    name: str

    def draw(self, request: Request) -> Draw:
        """Which samples a client has, by its number; the same each time it is asked."""
        raise NotImplementedError


class Iid(PartitionPart):
    """Each client's samples are a random part of all."""

    name: Literal["iid"] = "iid"

    def draw(self, request: Request) -> Draw:
        """Parts of equal size, to within one."""
        total = len(request.labels)
        if request.samples is None:
            return _cut(request.chance().permutation(total), request.clients)
        size = request.samples
        return lambda client: request.chance(client).choice(total, size, replace=size > total, shuffle=False)


class Shards(PartitionPart):
    """Samples sorted by label and cut into shards; each client has a few (McMahan et al. 2017, section 3)."""

    name: Literal["shards"] = "shards"
    shards: int = Field(2, ge=1, le=1000, description="shards of a client, so that it has about so many labels")

    def draw(self, request: Request) -> Draw:
        """Shards of equal size, to within one; with ``samples`` they begin anywhere, and may overlap."""
        ordered, of = _by_label(request), self.shards
        if request.samples is None:
            shard = _cut(ordered, of * request.clients)
            given = request.chance(request.clients).permutation(of * request.clients)
            return lambda client: np.concatenate([shard(int(k)) for k in given[of * client : of * (client + 1)]])
        sizes = [len(part) for part in np.array_split(np.arange(request.samples), of)]

        def own(client: int) -> Places:
            begins = request.chance(client).integers(len(ordered), size=of)
            runs = [np.arange(begin, begin + size) % len(ordered) for begin, size in zip(begins, sizes, strict=True)]
            found: Places = ordered[np.concatenate(runs)]
            return found

        return own


class Dirichlet(PartitionPart):
    """A client's labels are distributed as q ~ Dirichlet(alpha·C·p), p being those of all samples (Hsu et al. 2019).

    C is the number of labels, so that equally frequent ones have a concentration of alpha each, as most programs have
    it; the paper's α is C times as large. All clients have as many samples; small alpha gives each of them few labels,
    infinite alpha p itself.
    """

    name: Literal["dirichlet"] = "dirichlet"
    alpha: float = Field(0.1, gt=0, le=1e9, description="how alike clients are: .1 very unlike, 100 alike")

    def draw(self, request: Request) -> Draw:
        """With ``samples``, a client draws from all with repetition; else each sample is one client's."""
        pools = _pools(request)
        if request.samples is None:
            return _cut(self._shared_out(request, pools), request.clients)
        return partial(self._own, request, pools, request.samples)

    def _own(self, request: Request, pools: list[Places], size: int, client: int) -> Places:
        random = request.chance(client)
        counts = random.multinomial(size, self._labels(random, pools))
        return np.concatenate([pool[random.integers(len(pool), size=n)] for pool, n in zip(pools, counts, strict=True)])

    def _shared_out(self, request: Request, pools: list[Places]) -> Places:
        """All samples in an order of which each client has its stretch."""
        random, total = request.chance(request.clients), len(request.labels)
        taken, order = np.zeros(len(pools), np.int64), []
        for client in range(request.clients):
            begin, end = (edge * total // request.clients for edge in (client, client + 1))
            wanted = self._labels(random, pools)
            counts = self._counts(random, wanted, np.array([len(pool) for pool in pools]) - taken, end - begin)
            order += [pool[t : t + n] for pool, t, n in zip(pools, taken, counts, strict=True)]
            taken += counts
        return np.concatenate(order)

    def _labels(self, random: np.random.Generator, pools: list[Places]) -> NDArray[np.float64]:
        sizes = np.array([len(pool) for pool in pools], np.float64)
        return random.dirichlet(self.alpha * len(pools) * sizes / sizes.sum())

    @staticmethod
    def _counts(random: np.random.Generator, wanted: NDArray[np.float64], left: Places, size: int) -> NDArray[np.int64]:
        """How many of each label: as ``wanted``, of those that are left; a label that is used up is drawn no more."""
        counts = np.zeros_like(left)
        while (missing := size - int(counts.sum())) > 0:
            share = np.where(counts < left, wanted, 0.0)
            if share.sum() < 1e-12:  # what the client wanted is used up
                share = (left - counts).astype(np.float64)
            counts = np.minimum(counts + random.multinomial(missing, share / share.sum()), left)
        return counts


PARTITIONS = Parts("partition", "name", PartitionPart, (Iid, Shards, Dirichlet))
"""Every way to share samples out, by its word in a configuration."""


def partition(part: PartitionPart, request: Request) -> Draw:
    """Which samples each client has; every client has some.

    Raises:
        UserError: a client would have none.
    """
    total = len(request.labels)
    if request.samples is None and request.clients > total:
        raise UserError(
            f"federated.clients: {request.clients:,} clients of {total:,} samples leave client {total:,} without data; "
            f"at most {total:,} are accepted, or federated.samples, the samples that each draws for itself"
        )
    draw = part.draw(request)
    for client in range(request.clients if request.samples is None else 1):  # all that draw for themselves are alike
        if not len(draw(client)):
            raise UserError(
                f"federated.partition: {part.name!r} leaves client {client:,} of {request.clients:,} without data"
            )
    return draw


def label_shares(draw: Draw, labels: Places, clients: list[int]) -> NDArray[np.float64]:
    """Which share of each of these clients' samples has which label, float64[clients, labels]."""
    most = int(labels.max()) + 1
    counts = np.stack([np.bincount(labels[draw(client)], minlength=most) for client in clients])
    found: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return found


def _cut(order: Places, pieces: int) -> Draw:
    """Equal stretches of an order, to within one."""
    return lambda piece: order[piece * len(order) // pieces : (piece + 1) * len(order) // pieces]


def _by_label(request: Request) -> Places:
    """Places of the samples sorted by label, in a random order within one."""
    order = request.chance().permutation(len(request.labels))
    found: Places = order[np.argsort(request.labels[order], kind="stable")]
    return found


def _pools(request: Request) -> list[Places]:
    """The places of each label that there is, in a random order."""
    ordered = _by_label(request)
    _, begins = np.unique(request.labels[ordered], return_index=True)
    return np.split(ordered, begins[1:])

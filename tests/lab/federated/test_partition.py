"""Who has which samples: each exactly one client's, skewed as asked for, and the same whenever it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.federated.partition import Dirichlet, Iid, PartitionPart, Request, Shards, label_shares, partition

LABELS = np.random.default_rng(0).integers(10, size=3000)
KINDS: dict[str, PartitionPart] = {"iid": Iid(), "shards": Shards(), "dirichlet": Dirichlet(alpha=0.1)}


def request(clients: int, samples: int | None = None, seed: int = 0) -> Request:
    return Request(LABELS, clients, samples, seed)


@pytest.mark.parametrize("kind", KINDS)
@given(clients=st.integers(1, 400), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_every_sample_is_one_clients(kind: str, clients: int, seed: int) -> None:
    draw = partition(KINDS[kind], request(clients, seed=seed))
    parts = [draw(client) for client in range(clients)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(LABELS)))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= (2 if kind == "shards" else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [None, 30])
def test_a_client_has_the_same_samples_whenever_it_is_asked(kind: str, samples: int | None) -> None:
    draw = partition(KINDS[kind], request(50, samples))
    again = partition(KINDS[kind], request(50, samples))
    other = partition(KINDS[kind], request(50, samples, seed=1))
    for client in (7, 0, 49, 7):
        assert np.array_equal(draw(client), again(client))
    assert any(not np.array_equal(draw(client), other(client)) for client in range(50))


@pytest.mark.parametrize("kind", KINDS)
def test_clients_that_draw_for_themselves_may_be_more_than_samples(kind: str) -> None:
    draw = partition(KINDS[kind], request(100_000, samples=24))
    for client in (0, 3001, 99_999):
        assert len(draw(client)) == 24
        assert 0 <= draw(client).min() <= draw(client).max() < len(LABELS)
    assert not np.array_equal(draw(1), draw(2))


@pytest.mark.parametrize("samples", [None, 100])
def test_two_shards_are_about_two_labels(samples: int | None) -> None:
    draw = partition(Shards(shards=2), request(30, samples))
    labels = [len(np.unique(LABELS[draw(client)])) for client in range(30)]
    assert max(labels) <= 4  # a shard may reach from one label into the next
    assert np.mean(labels) < 3


@pytest.mark.parametrize("samples", [None, 100])
def test_alpha_says_how_alike_clients_are(samples: int | None) -> None:
    largest = [
        label_shares(partition(Dirichlet(alpha=alpha), request(30, samples)), LABELS, list(range(30)))
        .max(axis=1)
        .mean()
        for alpha in (0.05, 1.0, 1000.0)
    ]
    assert largest[0] > 0.6 > largest[1] > largest[2]
    assert largest[2] < 0.2


def test_dirichlet_clients_are_those_of_the_distribution() -> None:
    """Mean and variance of a label's share: p and p(1 − p)/(C·alpha + 1)."""
    draw = partition(Dirichlet(alpha=0.1), request(2000, samples=2000))
    shares = label_shares(draw, LABELS, list(range(2000)))[:, 0]
    p = float((LABELS == 0).mean())
    assert shares.mean() == pytest.approx(p, abs=0.01)
    assert shares.var() == pytest.approx(p * (1 - p) / 2, rel=0.1)


def test_shares_of_labels_are_counted() -> None:
    draw = partition(Iid(), request(5))
    expected = [[np.mean(LABELS[draw(client)] == label) for label in range(10)] for client in range(5)]
    assert np.allclose(label_shares(draw, LABELS, list(range(5))), expected)


def test_more_clients_than_samples_is_one_clear_error() -> None:
    with pytest.raises(
        UserError, match=r"federated.clients: 3,001 clients of 3,000 samples leave client 3,000 without"
    ):
        partition(Iid(), request(3001))


class Greedy(PartitionPart):
    name: str = "m:Greedy"

    def draw(self, request: Request):
        return lambda client: np.arange(len(request.labels) if client == 0 else 0)


def test_a_partition_that_leaves_a_client_empty_is_refused() -> None:
    with pytest.raises(UserError, match=r"federated.partition: 'm:Greedy' leaves client 1 of 3 without data"):
        partition(Greedy(), request(3))

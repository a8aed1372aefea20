"""Masks of any network: exact counts, zeros that stay zeros, the largest kept and the largest gradients grown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from lab.errors import UserError
from lab.techniques.masks import Masks, weights_of

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1, fused=True),
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.1),
    "adam": lambda p: Adam(p, lr=0.01, weight_decay=0.1, fused=True),
    "adamw": lambda p: AdamW(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "rmsprop": lambda p: RMSprop(p, lr=0.01, weight_decay=0.1, momentum=0.9),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 12), nn.Linear(12, 3)
    ).to(memory_format=torch.channels_last)


def masks_of(net: nn.Module, *counts: int, seed: int = 0) -> Masks:
    return Masks(weights_of(net), counts, torch.Generator().manual_seed(seed))


def backward(net: nn.Module, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    net.zero_grad()
    net(torch.randn(8, 1, 4, 4, generator=random)).square().mean().backward()


def truth(masks: Masks) -> list[int]:
    return [int(kept.sum()) for kept in masks.kept]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=4), st.data())
@settings(deadline=None)
def test_counts_are_exact(shapes: list[tuple[int, int]], data: st.DataObject) -> None:
    weights = {str(place): nn.Parameter(torch.randn(shape)) for place, shape in enumerate(shapes)}
    drawn = [
        [data.draw(st.integers(0, weight.numel())) for weight in weights.values()] for _ in ("first", "kept", "grown")
    ]
    masks = Masks(weights, drawn[0], torch.Generator())
    assert truth(masks) == masks.active == drawn[0]
    gone = masks.drop(drawn[1])
    kept = [min(first, fewer) for first, fewer in zip(drawn[0], drawn[1], strict=True)]
    assert truth(masks) == masks.active == kept
    assert gone == sum(drawn[0]) - sum(kept)
    come = masks.grow(drawn[2], masks.random(torch.Generator()))
    grown = [max(some, more) for some, more in zip(kept, drawn[2], strict=True)]
    assert truth(masks) == masks.active == grown
    assert come == sum(grown) - sum(kept)
    masks.hold()
    assert all(bool((weight[~there] == 0).all()) for weight, there in zip(masks.weights, masks.kept, strict=True))
    assert masks.density == sum(grown) / sum(weight.numel() for weight in weights.values())
    assert masks.explored >= masks.density


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_what_is_not_there_is_exactly_zero_after_every_step(name: str) -> None:
    net = network()
    optimizer = OPTIMIZERS[name](net.parameters())
    masks = masks_of(net, 20, 60, 30)
    for step in range(12):
        backward(net, step)
        if step % 3 == 2:
            masks.drop([10, 40, 20])
            masks.grow([20, 60, 30], masks.gradients())
            masks.hold(optimizer)
        masks.mask_gradients()
        optimizer.step()
        for weight, kept in zip(masks.weights, masks.kept, strict=True):
            assert bool((weight[~kept] == 0).all())
            assert bool(weight.isfinite().all())
            assert int((weight != 0).sum()) == int(kept.sum())


def brute(scores: Tensor, among: Tensor, count: int) -> set[int]:
    """The places of the largest, by sorting."""
    flat, free = scores.detach().contiguous().numpy().ravel(), among.contiguous().numpy().ravel()
    order = [place for place in np.argsort(-flat, kind="stable").tolist() if free[place]]
    return set(order[:count])


def places(mask: Tensor) -> set[int]:
    return set(np.flatnonzero(mask.contiguous().numpy()).tolist())


def test_the_smallest_are_dropped_and_the_largest_dense_gradients_grown() -> None:
    net = network()
    masks = masks_of(net, 20, 60, 30)
    backward(net, 0)
    before = [kept.clone() for kept in masks.kept]
    masks.drop([12, 40, 25])
    for weight, kept, had, count in zip(masks.weights, masks.kept, before, (12, 40, 25), strict=True):
        assert places(kept) == brute(weight.abs(), had, count)
    left = [kept.clone() for kept in masks.kept]
    masks.grow([20, 60, 30], masks.gradients())
    for weight, kept, had, count in zip(masks.weights, masks.kept, left, (8, 20, 5), strict=True):
        assert weight.grad is not None
        assert places(kept & ~had) == brute(weight.grad.abs(), ~had, count)


def test_random_growth_is_drawn_from_its_generator_alone() -> None:
    found = [masks_of(network(), 20, 60, 30, seed=seed).kept for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert not torch.equal(found[0][1], found[2][1])


def test_what_grows_begins_at_zero_without_memory_and_what_is_grown_again_loses_nothing() -> None:
    net = network()
    optimizer = Adam(net.parameters(), lr=0.01)
    masks = masks_of(net, 20, 60, 30)
    for step in range(5):
        backward(net, step)
        masks.mask_gradients()
        optimizer.step()
    weight, had = masks.weights[1], masks.kept[1].clone()
    value = weight.detach().clone()
    masks.drop([20, 20, 30])
    dropped = had & ~masks.kept[1]
    again = torch.zeros_like(value).masked_fill(dropped, 1.0)  # of what was dropped all, and 10 new ones
    new = (~had).flatten().nonzero()[:10, 0]
    again.view(-1)[new] = 0.5
    masks.grow([20, 70, 30], [torch.zeros_like(w) if w is not weight else again for w in masks.weights])
    masks.hold(optimizer)
    assert int(masks.kept[1].sum()) == 70
    assert torch.equal(weight[had], value[had])
    assert bool((weight.flatten()[new] == 0).all())
    for moment in ("exp_avg", "exp_avg_sq"):
        kept = optimizer.state[weight][moment]
        assert bool((kept[had] != 0).any())
        assert bool((kept[~had] == 0).all())


def test_copies_lose_what_the_network_drops() -> None:
    net = network()
    masks = masks_of(net, 20, 60, 30)
    copies = [torch.ones_like(weight) for weight in masks.weights]
    masks.hold(None, copies)
    assert [int(copy.sum()) for copy in copies] == [20, 60, 30]


def test_a_state_is_taken_up_again() -> None:
    one, other = masks_of(network(), 20, 60, 30), masks_of(network(), 10, 10, 10, seed=3)
    one.drop([10, 60, 30])
    other.load_state_dict(one.state_dict())
    assert other.active == one.active == [10, 60, 30]
    assert all(torch.equal(a, b) for a, b in zip(one.kept, other.kept, strict=True))
    assert other.explored == one.explored > one.density


def test_matrices_and_kernels_are_masked_and_a_user_leaves_some_dense() -> None:
    net = network()
    assert list(weights_of(net)) == ["0.weight", "4.weight", "5.weight"]
    assert list(weights_of(net, dense_first=True)) == ["4.weight", "5.weight"]
    assert list(weights_of(net, ["5.*"])) == ["0.weight", "4.weight"]
    with pytest.raises(UserError, match=r"dense: 'readout.\*' fits no weight; there are 0.weight, 4.weight, 5.weight"):
        weights_of(net, ["readout.*"])
    with pytest.raises(UserError, match="no weights to mask"):
        weights_of(nn.BatchNorm1d(3))
    with pytest.raises(UserError, match="no weights to mask"):
        weights_of(nn.Linear(3, 3), dense_first=True)

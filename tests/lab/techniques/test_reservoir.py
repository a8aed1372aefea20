"""The reservoir: algorithm R as it is written, each sample with equal chance, bytes kept as bytes, exact in a state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lab.techniques.reservoir import Reservoir


def reservoir(size: int, seed: int = 0) -> Reservoir:
    return Reservoir(size, torch.Generator().manual_seed(seed))


def algorithm_r(stream: list[int], size: int, seed: int) -> list[int]:
    """One sample after the other, as Vitter writes it."""
    random = torch.Generator().manual_seed(seed)
    held: list[int] = []
    for seen, sample in enumerate(stream):
        u = float(torch.rand(1, generator=random, dtype=torch.float64))
        if seen < size:
            held.append(sample)
        elif (place := int(u * (seen + 1))) < size:
            held[place] = sample
    return held


@given(st.integers(1, 30), st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_batches_are_taken_in_as_single_samples_are(size: int, batches: list[int], seed: int) -> None:
    mine = reservoir(size, seed)
    stream = list(range(sum(batches)))
    for part in torch.split(torch.tensor(stream), batches):
        mine.offer(part)
    assert mine.columns[0][: len(mine)].tolist() == algorithm_r(stream, size, seed)
    assert mine.seen == len(stream)


def test_early_and_late_samples_are_held_with_equal_chance() -> None:
    held = np.zeros(60)
    for seed in range(600):
        mine = reservoir(12, seed)
        for part in torch.split(torch.arange(60), 7):
            mine.offer(part)
        held[mine.columns[0].numpy()] += 1
    assert held.sum() == 600 * 12
    assert stats.chisquare(held).pvalue > 0.001


def test_columns_stay_together_and_keep_their_types() -> None:
    mine = reservoir(5)
    samples = torch.arange(40, dtype=torch.uint8).reshape(20, 1, 2)
    labels = torch.arange(20)
    mine.offer(samples[:8], labels[:8])
    mine.offer(samples[8:], labels[8:])
    assert mine.columns[0].dtype == torch.uint8
    drawn, own = mine.draw(50, torch.Generator().manual_seed(1))
    assert drawn.shape == (50, 1, 2)
    assert (drawn == samples[own]).all()
    assert set(own.tolist()) == set(mine.columns[1].tolist())


def test_nothing_comes_from_an_empty_reservoir() -> None:
    with pytest.raises(ValueError, match="the reservoir is empty"):
        reservoir(3).draw(1, torch.Generator())
    assert len(reservoir(3)) == 0


def test_a_reservoir_that_is_not_full_gives_only_what_it_holds() -> None:
    mine = reservoir(100)
    mine.offer(torch.tensor([7, 8, 9]))
    assert set(mine.draw(200, torch.Generator().manual_seed(0))[0].tolist()) == {7, 8, 9}


def test_a_state_of_another_size_is_refused() -> None:
    mine = reservoir(4)
    mine.offer(torch.arange(9))
    with pytest.raises(ValueError, match="no reservoir of 5 samples"):
        reservoir(5).load_state_dict(mine.state_dict())


def test_a_restored_reservoir_shares_no_memory_with_its_state() -> None:
    mine, again = reservoir(4), reservoir(4)
    mine.offer(torch.arange(4))
    again.load_state_dict(mine.state_dict())
    mine.columns[0].zero_()
    assert again.columns[0].tolist() == [0, 1, 2, 3]

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan.metrics import copying, nearest


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@given(
    st.tuples(*(arrays(np.uint8, st.tuples(st.integers(1, 15), st.just(2)), elements=st.integers(0, 3)),) * 2),
    st.integers(1, 4),
    st.integers(1, 9),
)
@settings(deadline=None, max_examples=40)
def test_the_nearest_are_those_of_a_stable_sort_whatever_the_chunk(
    sets: tuple[np.ndarray, np.ndarray], k: int, chunk: int
) -> None:
    samples, training = sets
    k = min(k, len(training))
    gaps = np.linalg.norm(samples[:, None].astype(float) - training[None], axis=2)
    order = gaps.argsort(axis=1, kind="stable")[:, :k]
    found = nearest(samples, training, k, chunk)
    np.testing.assert_array_equal(found.indices, order)
    np.testing.assert_allclose(found.distances, np.take_along_axis(gaps, order, axis=1))


def test_a_copy_lies_at_no_distance_and_is_named() -> None:
    random = np.random.default_rng(0)
    training = 100 + random.normal(size=(50, 30))
    found = nearest(training[[7, 3]], training, k=2, chunk=16)
    assert found.indices[:, 0].tolist() == [7, 3]
    assert found.distances[:, 0].tolist() == [0.0, 0.0]
    assert (found.distances[:, 1] > 1).all()


def test_images_are_compared_pixel_by_pixel() -> None:
    training = images(20)
    found = nearest(training[4:5], training)
    assert (found.indices.item(), found.distances.item()) == (4, 0.0)


def test_copies_of_the_training_set_are_told_from_new_samples() -> None:
    random = np.random.default_rng(1)
    training, held_out, fresh = (random.normal(size=(n, 5)) for n in (400, 300, 300))
    honest = copying(fresh, training, held_out)
    assert honest.share == pytest.approx(0.5, abs=0.06)
    assert honest.p_value > 0.05
    near = copying(training[:300] + 0.1 * random.normal(size=(300, 5)), training, held_out)
    assert near.share > 0.95
    assert near.p_value < 1e-9
    assert copying(training[:9], training, held_out).share == 1.0
    assert copying(fresh + 9, training, held_out).share < 0.01


def test_held_out_items_tie_with_themselves() -> None:
    assert copying(images(10, 1), images(20), images(10, 1)).share == 0.5


def test_progress_counts_samples_and_held_out_items() -> None:
    told: list[tuple[int, int]] = []
    copying(images(5, 1), images(9), images(7, 2), chunk=4, progress=lambda *row: told.append(row))
    assert told == [(4, 12), (5, 12), (9, 12), (12, 12)]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\) and \(16,\) cannot be compared"):
        nearest(images(3), images(3).flatten(1))
    with pytest.raises(ValueError, match="k = 4 for 2 samples and 3 training items"):
        nearest(images(2), images(3), k=4)
    with pytest.raises(ValueError, match="k = 1 for 0 samples"):
        nearest(images(2)[:0], images(3))
    with pytest.raises(ValueError, match="chunk: 0"):
        nearest(images(2), images(3), chunk=0)
    with pytest.raises(ValueError, match="1 of 2 sample values are not finite"):
        nearest(np.array([[1.0, np.inf]]), np.zeros((2, 2)))

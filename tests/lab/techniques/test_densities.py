"""How density is shared out between layers: the published formula, and whole numbers of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.techniques.densities import RATIOS, Distribution, counts, densities

matrices = st.tuples(st.integers(1, 400), st.integers(1, 400))
kernels = st.tuples(st.integers(1, 64), st.integers(1, 64), st.integers(1, 5), st.integers(1, 5))
layers = st.lists(st.one_of(matrices, kernels), min_size=1, max_size=8)
words = st.sampled_from(sorted(RATIOS))


def published(shapes: list[tuple[int, ...]], density: float, kernel: bool) -> list[float]:
    """``sparsity_erdos_renyi`` of the authors' code (google-research/rigl, ``sparse_utils.py``), as densities."""
    raw = [sum(s) / math.prod(s) if kernel else (s[0] + s[1]) / (s[0] * s[1]) for s in shapes]
    dense: set[int] = set()
    while len(dense) < len(shapes):
        divisor = right = 0.0
        for place, shape in enumerate(shapes):
            n = math.prod(shape)
            if place in dense:
                right -= n * (1 - density)
            else:
                right += n * density
                divisor += raw[place] * n
        epsilon = right / divisor
        largest = max(raw[place] for place in range(len(shapes)) if place not in dense)
        if largest * epsilon <= 1:
            return [1.0 if place in dense else epsilon * raw[place] for place in range(len(shapes))]
        dense |= {place for place in range(len(shapes)) if place not in dense and raw[place] == largest}
    return [1.0] * len(shapes)


@given(layers, st.floats(0.01, 1.0), st.booleans())
def test_densities_are_those_of_the_published_code(shapes: list[tuple[int, ...]], density: float, kernel: bool) -> None:
    mine = densities(shapes, density, "erdos_renyi_kernel" if kernel else "erdos_renyi")
    assert mine == pytest.approx(published(shapes, density, kernel), rel=1e-6)


@given(layers, st.floats(0.001, 1.0), words)
def test_the_layers_have_the_density_of_all_weights(
    shapes: list[tuple[int, ...]], density: float, word: Distribution
) -> None:
    found, sizes = densities(shapes, density, word), [math.prod(shape) for shape in shapes]
    assert sum(share * size for share, size in zip(found, sizes, strict=True)) == pytest.approx(density * sum(sizes))
    assert all(0 < share <= 1 for share in found)


@given(layers, st.floats(0.001, 1.0), words)
def test_counts_are_whole_and_no_layer_is_empty(
    shapes: list[tuple[int, ...]], density: float, word: Distribution
) -> None:
    found = counts(shapes, density, word)
    for count, share, shape in zip(found, densities(shapes, density, word), shapes, strict=True):
        assert 1 <= count <= math.prod(shape)
        assert abs(count - share * math.prod(shape)) <= 0.5 + 1e-6 or count == 1


@given(layers, st.floats(0.001, 1.0), st.floats(0.001, 1.0), words)
def test_a_denser_network_has_nowhere_fewer_weights(
    shapes: list[tuple[int, ...]], one: float, other: float, word: Distribution
) -> None:
    fewer, more = (counts(shapes, density, word) for density in sorted((one, other)))
    assert all(a <= b for a, b in zip(fewer, more, strict=True))


def test_lenet_at_ten_per_cent() -> None:
    """0.1 · 266,200 weights; the small last layer is dense, as RigL has it."""
    shapes = [(300, 784), (100, 300), (10, 100)]
    assert counts(shapes, 0.1, "uniform") == [23520, 3000, 100]
    assert sum(counts(shapes, 0.1, "erdos_renyi_kernel")) == 26620
    assert counts(shapes, 0.1, "erdos_renyi_kernel")[2] == 1000
    assert counts(shapes, 1.0, "erdos_renyi") == [235200, 30000, 1000]

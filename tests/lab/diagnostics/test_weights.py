"""Moves against NumPy on whole ways, singular values against LAPACK's, matrices against what the layers compute."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lab.diagnostics import weights
from lab.diagnostics.path import travelled, turning
from lab.diagnostics.weights import flat, matrices, move, singular


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_move_is_what_the_way_says():
    points = drawn(4, 50).cumsum(dim=0)
    start, first, before, after = points
    ratio, cosine, distance = move(start, before, after, before - first).tolist()
    way = points.double().numpy()
    assert ratio == pytest.approx(np.linalg.norm(way[3] - way[2]) / np.linalg.norm(way[2]))
    assert cosine == pytest.approx(turning(way)[-1], abs=1e-6)
    assert distance == pytest.approx(travelled(way)[1][-1])


def test_small_steps_of_many_weights_keep_their_digits():
    before = 1 + drawn(100_000)
    after = before + 1e-4 * drawn(100_000, seed=1)
    moved = after.double() - before.double()
    ratio, cosine, distance = move(before, before, after, moved.float()).tolist()
    assert ratio == pytest.approx(float(moved.norm() / before.double().norm()), rel=1e-12)
    assert cosine == pytest.approx(1.0, abs=1e-7)
    assert distance == pytest.approx(float(moved.norm()), rel=1e-12)


def test_what_is_undefined_is_nan():
    here, there = torch.ones(3), torch.full((3,), 2.0)
    assert move(here, here, there, None).isnan().tolist() == [False, True, False]
    assert move(here, here, there, torch.zeros(3)).isnan().tolist() == [False, True, False]
    assert move(here, here, here, there)[[0, 2]].tolist() == [0.0, 0.0]
    assert move(here, torch.zeros(3), there, here).isnan().tolist() == [True, False, False]


def test_weights_lie_one_after_another_and_apart_from_the_network():
    network = nn.Linear(2, 1)
    seen = flat(network.parameters())
    assert seen.tolist() == [*network.weight.flatten().tolist(), *network.bias.tolist()]
    with torch.no_grad():
        network.weight.zero_()
    assert seen[:2].any()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99), st.floats(1e-6, 1e6))
def test_singular_values_are_those_of_lapack(rows, columns, seed, scale):
    matrix = scale * drawn(rows, columns, seed=seed)
    values = torch.linalg.svdvals(matrix.double())
    found = singular(matrix)
    assert found.largest == pytest.approx(float(values[0]), rel=1e-9)
    assert found.stable_rank == pytest.approx(float(values.square().sum() / values[0] ** 2), rel=1e-9)


@pytest.mark.parametrize("shape", [(300, 300), (300, 400), (400, 300)])
def test_long_sides_are_iterated_to_the_same_numbers(shape, monkeypatch):
    matrix = drawn(*shape)
    whole = singular(matrix)
    monkeypatch.setattr(weights, "DENSE", 40)
    monkeypatch.setattr(torch.linalg, "eigvalsh", None)
    assert singular(matrix).largest == pytest.approx(whole.largest, rel=1e-6)
    assert singular(matrix).stable_rank == pytest.approx(whole.stable_rank, rel=1e-6)


def test_the_stable_rank_tells_one_direction_from_many():
    assert singular(torch.outer(drawn(8), drawn(5, seed=1))).stable_rank == pytest.approx(1.0, abs=1e-6)
    assert singular(torch.linalg.qr(drawn(8, 5))[0]).stable_rank == pytest.approx(5.0, abs=1e-5)
    nothing = singular(torch.zeros(3, 2))
    assert nothing.largest == 0
    assert np.isnan(nothing.stable_rank)
    assert np.isnan(singular(torch.tensor([[1.0, np.inf]])).largest)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_the_matrix_that_its_windows_are_multiplied_by(groups):
    layer = nn.Conv2d(4, 6, 3, groups=groups, bias=False)
    (matrix,) = matrices(layer).values()
    assert matrix.shape == (6, 4 // groups * 9)
    window = drawn(1, 4, 3, 3)
    parts = window.view(groups, -1)
    expected = torch.cat([own @ part for own, part in zip(matrix.chunk(groups), parts, strict=True)])
    torch.testing.assert_close(layer(window).flatten(), expected)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_has_a_row_for_each_output(groups):
    layer = nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False)
    (matrix,) = matrices(layer).values()
    assert matrix.shape == (6, 4 // groups * 9)
    pixel = drawn(1, 4, 1, 1)
    parts = pixel.view(groups, -1)
    image = layer(pixel)[0]  # what each input adds to the window around it
    for out in range(6):
        part = parts[out // (6 // groups)]
        expected = torch.einsum("i,iyx->yx", part, matrix[out].view(4 // groups, 3, 3))
        torch.testing.assert_close(image[out], expected)


def test_layers_have_their_names_and_what_is_no_matrix_is_left_out():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Sequential(nn.Linear(3, 1)))
    assert {name: [*matrix.shape] for name, matrix in matrices(network).items()} == {"0": [3, 2], "3.0": [1, 3]}

"""The two signatures of Berard et al., and lengths and turns of ways that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.diagnostics.games import Dirac
from lab.diagnostics.path import path, travelled, turning


def test_a_minimisation_switches_sign_where_it_ends():
    seen = path(lambda w: 2 * (w - 3.0), [0.0, 0.0], [3.0, 3.0])
    before, behind = seen.angle[seen.alphas < 0.99], seen.angle[seen.alphas > 1.01]
    assert np.allclose(before, -1.0)
    assert np.allclose(behind, 1.0)
    assert seen.norm.argmin() == np.abs(seen.alphas - 1.0).argmin()
    assert (seen.switches, seen.bump) == (True, False)
    assert "a switch of sign and no bump" in seen.sentence()


def test_a_rotation_shows_a_bump_where_it_ends():
    """A spiral into the origin, seen from the way in: the field turns across the line and back, and keeps its sign."""

    def field(w):
        return np.array([w[1], -w[0]])  # bilinear: pure rotation

    seen = path(field, [1.0, 0.3], [0.02, -0.05])
    assert np.abs(seen.angle).max() > 0.5
    far = np.abs(seen.alphas - 1.0) > 0.35
    assert np.abs(seen.angle[far]).max() < 0.5 * np.abs(seen.angle).max()
    assert (np.sign(seen.angle[far]) == np.sign(seen.angle[np.abs(seen.angle).argmax()])).all()
    assert (seen.switches, seen.bump) == (False, True)
    assert "a bump and no switch of sign" in seen.sentence()


def test_the_rotating_dirac_gan_shows_the_bump():
    game, start = Dirac(0.3), np.array([1.0, 0.5])
    end = start.copy()
    for _ in range(100):
        for player in ([1, 0], [0, 1]):
            end = end + 0.1 * game.field(end) * player
    seen = path(lambda w: -game.field(w), start, end)
    assert (seen.switches, seen.bump) == (False, True)


def test_what_turns_and_attracts_shows_both_signs():
    turn = np.array([[0.0, 6.0], [-6.0, 0.0]])
    seen = path(lambda w: w @ turn.T + w, [1.0, 0.0], [0.02, 0.02])
    assert (seen.switches, seen.bump) == (True, True)
    straight = path(lambda w: np.ones(2), [0.0, 0.0], [1.0, 1.0])
    assert (straight.switches, straight.bump) == (False, False)
    assert "neither a switch of sign nor a bump" in straight.sentence()


def test_where_the_field_vanishes_there_is_no_angle():
    seen = path(lambda w: w - 1.0, [0.0], [1.0], [0.0, 1.0, 2.0])
    assert seen.angle.tolist()[::2] == [-1.0, 1.0]
    assert np.isnan(seen.angle[1])
    assert seen.norm.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(("start", "end", "told"), [([1.0], [1.0], "same point"), ([1.0], [1.0, 2.0], "1 numbers")])
def test_a_line_needs_two_points_of_one_space(start, end, told):
    with pytest.raises(ValueError, match=told):
        path(lambda w: w, start, end)


def test_a_circle_comes_back_and_turns_evenly():
    turns = np.linspace(0, 2 * np.pi, 201)
    way, distance = travelled(np.stack([np.cos(turns), np.sin(turns)], axis=1))
    assert way[-1] == pytest.approx(2 * np.pi, rel=1e-3)
    assert distance[-1] == pytest.approx(0.0, abs=1e-9)
    assert distance.max() == pytest.approx(2.0)
    assert np.allclose(turning(np.stack([np.cos(turns), np.sin(turns)], axis=1)), np.cos(turns[1]))


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=10))
def test_no_way_is_shorter_than_the_crows(places):
    way, distance = travelled(np.array(places)[:, None])
    assert (way >= distance - 1e-9).all()


def test_who_turns_round_or_stands_still():
    assert turning([[0.0], [1.0], [0.0]]).tolist() == [-1.0]
    assert np.isnan(turning([[0.0], [0.0], [1.0]])).all()

"""Difficulty moves parameters between easy and target, exactly at both ends, and refuses what is no difficulty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.difficulty import Axis, axis_names, for_one, level, parse_axes, spread
from lab.errors import UserError

PARAMETERS = {"power": 1.0, "gravity": 0.0025}
AXES = (Axis("power", 2.0, 1.0), Axis("gravity", 0.001, 0.0025))
values = st.floats(-1e6, 1e6, allow_nan=False)
levels = st.floats(0.0, 1.0)


@given(values, values)
def test_the_ends_are_exact(easy: float, target: float) -> None:
    axis = Axis("x", easy, target)
    assert axis(0.0) == easy
    assert axis(1.0) == target


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.sampled_from([1.0, -1.0]))
def test_the_ends_of_a_geometric_axis_are_exact(easy: float, target: float, sign: float) -> None:
    axis = Axis("x", sign * easy, sign * target, "geometric")
    assert (axis(0.0), axis(1.0)) == (sign * easy, sign * target)


@given(values, values, st.lists(levels, min_size=2, max_size=20))
def test_values_stay_between_easy_and_target_and_move_one_way(easy: float, target: float, at: list[float]) -> None:
    moved = Axis("x", easy, target)(np.sort(np.array(at)))
    slack = 1e-9 * (1 + abs(easy) + abs(target))
    assert np.all((moved >= min(easy, target) - slack) & (moved <= max(easy, target) + slack))
    assert np.all(np.diff(moved) * np.sign(target - easy) >= -slack)


def test_a_geometric_axis_moves_by_ratios() -> None:
    axis = Axis("x", 8.0, 2.0, "geometric")
    np.testing.assert_allclose(axis(np.array([0.25, 0.5, 0.75])), 8.0 * 0.25 ** np.array([0.25, 0.5, 0.75]))


@given(st.lists(levels, min_size=1, max_size=9))
def test_scalar_and_array_agree(at: list[float]) -> None:
    for scale in ("linear", "geometric"):
        axis = Axis("x", 0.3, 7.0, scale)
        assert axis(np.array(at)).tolist() == [axis(d) for d in at]


@given(levels)
def test_the_level_of_equal_axes_is_that_difficulty_exactly(d: float) -> None:
    axes = tuple(Axis(str(i), 0.0, 1.0) for i in range(3))
    assert level(spread(d, axes, 2)).tolist() == [d, d]


def test_a_named_vector_leaves_other_axes_at_the_target() -> None:
    rows = spread({"power": np.array([0.0, 0.5])}, AXES, 2)
    assert rows.tolist() == [[0.0, 0.5], [1.0, 1.0]]
    assert level(rows).tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    "bad", [-0.1, 1.1, float("nan"), float("inf"), True, "0.5", None, np.array([[0.5]]), [0.1, 2.0]]
)
def test_what_is_no_difficulty_is_refused(bad: object) -> None:
    with pytest.raises(UserError, match=r"^difficulty .*accepted: .*\[0, 1\]$|^difficulty has shape .* environments$"):
        spread(bad, AXES, 2)


def test_an_array_of_another_length_is_refused() -> None:
    with pytest.raises(UserError, match=r"difficulty has shape \[3\]; accepted: .* 2 environments"):
        spread(np.zeros(3), AXES, 2)


def test_an_unknown_axis_is_named_with_what_was_meant() -> None:
    with pytest.raises(
        UserError, match=r"difficulty\.gravty is no axis \(did you mean gravity\?\); accepted: power, gravity"
    ):
        spread({"gravty": 0.5}, AXES, 1)


def test_axes_are_configuration() -> None:
    axes = parse_axes({"gravity": {"easy": 0.001, "scale": "geometric"}}, AXES, PARAMETERS)
    assert axes == (Axis("gravity", 0.001, 0.0025, "geometric"),)
    assert parse_axes({axes[0].name: axes[0].to_config()}, AXES, PARAMETERS) == axes
    assert parse_axes(None, AXES, PARAMETERS) == AXES


@pytest.mark.parametrize(
    ("given_axes", "message"),
    [
        ({}, "axes is {}; accepted: a mapping of at least one of power, gravity"),
        ({"powr": {"easy": 1}}, r"axes.powr is no parameter of this task \(did you mean power\?\)"),
        ({"power": 2.0}, r"axes.power is 2.0; accepted: {easy: number"),
        ({"power": {"target": 2.0}}, "axes.power.easy is missing"),
        ({"power": {"easy": 2.0, "goal": 1}}, "axes.power.goal is unknown; accepted: easy, target, scale"),
        ({"power": {"easy": float("nan")}}, "axes.power.easy is nan; accepted: a finite number"),
        ({"power": {"easy": True}}, "axes.power.easy is True; accepted: a finite number"),
        ({"power": {"easy": 1.0, "scale": "log"}}, "axes.power.scale is 'log'; accepted: linear, geometric"),
        ({"power": {"easy": 0.0, "scale": "geometric"}}, "axes.power is geometric from 0.0 to 1.0"),
    ],
)
def test_a_mistake_in_the_axes_is_one_clear_line(given_axes: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse_axes(given_axes, AXES, PARAMETERS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given_axes", "message"),
    [
        ({"power": {"easy": 3.0, "target": -1.0}}, "axes.power.target is -1.0; accepted: a number of at least 0"),
        ({"gravity": {"easy": 2.0}}, r"axes.gravity.easy is 2.0; accepted: a number in \[0, 1\]"),
    ],
)
def test_a_value_beyond_a_tasks_limits_is_refused_at_either_end(given_axes: dict, message: str) -> None:
    limits = {"power": (0.0, np.inf), "gravity": (0.0, 1.0)}
    with pytest.raises(UserError, match=message):
        parse_axes(given_axes, AXES, PARAMETERS, limits)
    parse_axes({"power": {"easy": 1e9}, "gravity": {"easy": 0.0, "target": 1.0}}, AXES, PARAMETERS, limits)


def test_a_row_for_each_environment_is_in_the_order_of_the_axes() -> None:
    assert spread(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), AXES, 3).tolist() == [
        [0.1, 0.3, 0.5],
        [0.2, 0.4, 0.6],
    ]
    with pytest.raises(
        UserError, match=r"^difficulty has shape \[2, 3\]; accepted: .*power, gravity.* 2 environments$"
    ):
        spread(np.zeros((2, 3)), AXES, 2)
    with pytest.raises(UserError, match=r"^difficulty.gravity is 1.5 for one environment; accepted: .*\[0, 1\]$"):
        spread(np.array([[0.1, 0.2], [0.3, 1.5]]), AXES, 2)


def test_a_single_environment_takes_a_row_by_the_names_of_its_axes() -> None:
    assert for_one(np.float64(0.25), ("power", "gravity")) == 0.25
    assert for_one(np.array([0.25, 1.0]), ("power", "gravity")) == {"power": 0.25, "gravity": 1.0}
    with pytest.raises(UserError, match=r"^difficulty has 2 axes; accepted: .* \(it names none\)$"):
        for_one(np.array([0.25, 1.0]), ())


def test_only_axes_have_names() -> None:
    assert axis_names(AXES) == ("power", "gravity")
    assert axis_names(None) == axis_names([1, 2]) == axis_names("xy") == ()

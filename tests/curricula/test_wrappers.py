"""Curricula made of others: an axis each, rehearsal on the clock, and changes that wait for the clock."""

import json

import numpy as np
import pytest

from curricula.pacing import Linear
from curricula.teachers import (
    TEACHERS,
    Episodes,
    Fixed,
    Paced,
    PerAxis,
    Rehearsal,
    Reverse,
    SuccessThreshold,
    Uniform,
    Waits,
    frontier,
)
from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule


def episodes(step: int, difficulty: np.ndarray, success: bool = True) -> Episodes:
    n = len(difficulty)
    return Episodes(step, np.asarray(difficulty, float), np.zeros(n), np.ones(n, np.int64), np.full(n, success))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# -- an axis each ------------------------------------------------------------------------------------------------------


def test_every_axis_goes_at_its_own_pace() -> None:
    teacher = PerAxis({"power": Paced(Linear(stop=1000)), "goal": SuccessThreshold(window=2, step_up=0.5)})
    assert teacher.difficulty(rng(), 2).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    teacher.update(episodes(250, np.array([[0.0, 0.0], [0.2, 0.0]])))
    assert teacher.difficulty(rng(), 1).tolist() == [[0.25, 0.5]]
    # An episode at another difficulty of the goal does not count for the goal, whatever its power.
    teacher.update(episodes(500, np.array([[0.25, 0.0], [0.25, 0.0]])))
    assert teacher.difficulty(rng(), 1).tolist() == [[0.5, 0.5]]
    assert teacher.level == 0.5


def test_an_axis_that_is_not_named_stands_at_the_target() -> None:
    config = TEACHERS.validate({"kind": "per_axis", "axes": {"goal": {"kind": "none", "difficulty": 0.25}}})
    teacher = config.build_for(("power", "goal"))
    assert teacher.difficulty(rng(), 1).tolist() == [[1.0, 0.25]]


def test_axes_are_those_of_the_task_in_the_tasks_order() -> None:
    settings = {"goal": {"kind": "none", "difficulty": 0.2}, "power": {"kind": "none", "difficulty": 0.8}}
    config = TEACHERS.validate({"kind": "per_axis", "axes": settings})
    assert config.build_for(("power", "goal")).difficulty(rng(), 1).tolist() == [[0.8, 0.2]]
    refused = {
        ("powr", "goal"): r"axes.power is no axis of the task \(did you mean powr\?\); accepted: powr, goal",
        (): "axes.goal is no axis of the task; accepted: none",
    }
    for axes, words in refused.items():
        with pytest.raises(UserError, match=words):
            config.build_for(axes)


# -- rehearsal ---------------------------------------------------------------------------------------------------------

CLOCK = Clock(period=100)
SHARES = {
    "constant": (Constant(0.4), [0.4, 0.4, 0.4]),
    "crest": (Schedule(CLOCK, low=0.0, high=0.8), [0.8, 0.4, 0.0]),
    "trough": (Schedule(CLOCK, low=0.0, high=0.8, offset=0.5), [0.0, 0.4, 0.8]),
}


@pytest.mark.parametrize("when", SHARES)
def test_the_share_that_returns_is_a_voice(when: str) -> None:
    voice, shares = SHARES[when]
    teacher = Rehearsal(Fixed(1.0), voice)
    teacher.update(episodes(0, np.array([0.125, 0.25, 0.125, 0.75])))
    for step, share in zip((300, 325, 350), shares, strict=True):
        teacher.update(Episodes.none(step))
        drawn = teacher.difficulty(rng(), 30_000)
        assert np.mean(drawn < 1.0) == pytest.approx(share, abs=0.01)
        if share:
            earlier = drawn[drawn < 1.0]
            assert [np.mean(earlier == one) for one in (0.125, 0.25, 0.75)] == pytest.approx([1 / 3] * 3, abs=0.02)
        assert teacher.level == pytest.approx(1.0 - share * (1.0 - 0.375))


def test_nothing_is_rehearsed_before_anything_was_played() -> None:
    assert Rehearsal(Fixed(0.5), Constant(1.0)).difficulty(rng(), 3).tolist() == [0.5] * 3


def test_rehearsal_does_not_set_the_frontier_back() -> None:
    teacher = Rehearsal(Paced(Linear(stop=100)), Constant(0.5))
    for step in range(0, 101, 10):
        teacher.update(episodes(step, teacher.difficulty(rng(), 4)))
    assert frontier(teacher) == 1.0
    assert teacher.level < 0.8


def test_several_axes_return_together() -> None:
    teacher = Rehearsal(PerAxis({"a": Fixed(1.0), "b": Fixed(0.5)}), Constant(0.5))
    teacher.update(episodes(0, np.array([[0.125, 0.25], [0.25, 0.75]])))
    rows = {tuple(row) for row in teacher.difficulty(rng(), 200).tolist()}
    assert rows == {(1.0, 0.5), (0.125, 0.25), (0.25, 0.75)}


def test_what_it_remembers_has_a_bound_and_thins_evenly() -> None:
    teacher = Rehearsal(Fixed(1.0), Constant(0.5), memory=8)
    for step in range(200):
        teacher.update(episodes(step, np.array([step / 200])))
        assert len(teacher.passed) <= 8
    kept = np.array(sorted(teacher.passed))
    assert kept[0] == 0.0
    assert len(kept) >= 4
    again = Rehearsal(Fixed(1.0), Constant(0.5), memory=8)
    again.load_state_dict(json.loads(json.dumps(teacher.state_dict())))
    assert list(again.passed) == list(teacher.passed)


# -- waiting -----------------------------------------------------------------------------------------------------------


def waiting(of: object, phase: float = 0.5) -> Waits:
    return Waits(of(), of(), CLOCK, phase)


@pytest.mark.parametrize(("phase", "adopted"), [(0.5, [50, 150, 250]), (0.0, [100, 200, 300]), (0.25, [25, 125, 225])])
def test_changes_are_adopted_at_the_phase_alone(phase: float, adopted: list[int]) -> None:
    teacher, changes = waiting(lambda: Paced(Linear(stop=400)), phase), []
    for step in range(1, 301):
        before = teacher.level
        teacher.update(Episodes.none(step))
        if teacher.level != before:
            changes.append(step)
            assert teacher.level == step / 400
    assert changes == adopted


def test_a_phase_between_two_reports_counts_at_the_second() -> None:
    teacher = waiting(lambda: Paced(Linear(stop=400)))
    levels = []
    for step in (40, 90, 140, 160, 160, 340):
        teacher.update(Episodes.none(step))
        levels.append(teacher.level)
    assert levels == pytest.approx([0.0, 90 / 400, 90 / 400, 160 / 400, 160 / 400, 340 / 400])


def test_a_count_of_steps_that_begins_anew_is_followed() -> None:
    teacher = waiting(lambda: SuccessThreshold(window=4, step_up=0.25))
    teacher.update(episodes(400, np.zeros(1)))
    for step in (10, 20, 30):
        teacher.update(episodes(step, np.zeros(1)))
    level = teacher.level
    teacher.update(episodes(50, np.zeros(1)))
    assert teacher.level > level


def test_what_is_learnt_meanwhile_is_not_lost() -> None:
    teacher = waiting(lambda: SuccessThreshold(window=4, step_up=0.25))
    for step in (10, 20, 30, 40):
        teacher.update(episodes(step, np.zeros(1)))
        assert teacher.level == 0.0
    teacher.update(episodes(50, np.zeros(0)))
    assert teacher.level == 0.25
    assert teacher.difficulty(rng(), 2).tolist() == [0.25, 0.25]


def test_a_teacher_that_draws_waits_too() -> None:
    teacher = waiting(lambda: Reverse(window=1, step=0.25))
    teacher.update(episodes(10, np.array([0.2])))
    assert frontier(teacher) == 0.25
    assert teacher.difficulty(rng(), 500).max() <= 0.25
    teacher.update(Episodes.none(50))
    assert frontier(teacher) == 0.5


def test_uniform_has_no_frontier_but_its_level() -> None:
    assert frontier(Uniform(0.2, 0.6)) == Uniform(0.2, 0.6).level


def test_a_phase_that_no_cycle_reaches_is_refused() -> None:
    with pytest.raises(UserError, match=r"^phase is 1; accepted: a number in \[0, 1\)$"):
        waiting(Uniform, phase=1.0)


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"^share is 1.5; accepted: a number in \[0, 1\]$"):
        Rehearsal(Uniform(), Constant(1.5))

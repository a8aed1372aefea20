"""From the goal outwards: the band of intermediate success, its two ends, and what is drawn from it."""

import numpy as np
import pytest

from curricula.teachers import Episodes, Reverse
from lab.errors import UserError


def episodes(success: list[bool], at: float) -> Episodes:
    n = len(success)
    return Episodes(0, np.full(n, at), np.zeros(n), np.ones(n, np.int64), np.array(success))


def test_it_begins_within_one_step_of_the_goal() -> None:
    drawn = Reverse(step=0.2).difficulty(np.random.default_rng(0), 1000)
    assert 0.0 <= drawn.min() < 0.01
    assert 0.19 < drawn.max() <= 0.2


@pytest.mark.parametrize(("successes", "far"), [(0, 0.4), (1, 0.4), (2, 0.6), (10, 0.6), (20, 0.6)])
def test_the_far_end_moves_on_from_the_lower_bound_upwards(successes: int, far: float) -> None:
    teacher = Reverse(window=20, step=0.1)
    teacher.far = 0.5
    teacher.update(episodes([True] * successes + [False] * (20 - successes), at=0.45))
    assert teacher.far == far


@pytest.mark.parametrize(("successes", "near"), [(10, 0.2), (18, 0.2), (19, 0.4), (20, 0.4)])
def test_the_near_end_moves_on_above_the_upper_bound_only(successes: int, near: float) -> None:
    teacher = Reverse(window=20, step=0.1)
    teacher.near, teacher.far = 0.3, 0.9
    teacher.update(episodes([True] * successes + [False] * (20 - successes), at=0.35))
    assert (teacher.near, teacher.far) == (near, 0.9)


def test_episodes_away_from_both_ends_move_nothing() -> None:
    teacher = Reverse(window=2, step=0.1)
    teacher.near, teacher.far = 0.3, 0.9
    for at in (0.1, 0.25, 0.5, 0.75, 1.0):
        teacher.update(episodes([True] * 50, at))
    assert (teacher.near, teacher.far) == (0.3, 0.9)


def test_a_share_is_old_and_the_rest_is_in_the_band() -> None:
    teacher = Reverse(old=0.25)
    teacher.near, teacher.far = 0.5, 0.75
    drawn = teacher.difficulty(np.random.default_rng(0), 40_000)
    # Old ones are uniform in [0, 0.75]: two thirds of them below the band.
    assert np.mean(drawn < 0.5) == pytest.approx(0.25 * 2 / 3, abs=0.01)
    assert np.mean((drawn >= 0.5) & (drawn < 0.625)) == pytest.approx((1 - 0.25 * 2 / 3) / 2, abs=0.01)


def test_it_expands_outwards_with_the_agent_and_stays_where_learning_is(learner, teach) -> None:
    teacher, agent, ends = Reverse(), learner(), []
    for _ in range(30):
        teach(teacher, agent, 10)
        ends.append((teacher.near, agent.skill, teacher.far))
    near, skill, far = np.array(ends).T
    assert (far[0], far[-1]) == (pytest.approx(0.15, abs=0.11), 1.0)
    assert np.polyfit(np.arange(30), near, 1)[0] > 0.02
    midway = (skill > 0.3) & (skill < 0.9)
    assert midway.sum() >= 5
    assert np.all(np.abs((near + far)[midway] / 2 - skill[midway]) < 0.25)


def test_it_comes_back_for_an_agent_that_forgets(learner, teach) -> None:
    teacher = Reverse()
    teacher.near, teacher.far = 0.7, 0.9
    teach(teacher, learner(skill=0.2, gain=0.0), 400)
    assert teacher.far < 0.5
    assert teacher.near <= 0.25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"too_hard": 0.9}, "too_hard is 0.9; accepted: a number below mastered, 0.9"),
        ({"window": 0}, "window is 0; accepted: a whole number of at least 1"),
        ({"step": 0.0}, r"step is 0; accepted: a number in \(0, 1\]"),
        ({"old": 1.5}, r"old is 1.5; accepted: a number in \[0, 1\]"),
    ],
)
def test_mistakes_are_one_clear_line(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        Reverse(**settings)

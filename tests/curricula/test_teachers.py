"""Teachers: what they ask for, what they learn from, and that they go on exactly after a resume."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import curricula
from curricula.pacing import Linear
from curricula.teachers import Episodes, Fixed, Paced, SuccessThreshold, Teacher, Uniform
from lab.errors import UserError


def episodes(outcomes: list[bool], at: float, step: int = 0) -> Episodes:
    n = len(outcomes)
    return Episodes(step, np.full(n, at), np.zeros(n), np.ones(n, np.int64), np.array(outcomes, dtype=bool))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_fixed_asks_for_the_same_always() -> None:
    teacher = Fixed(0.4)
    teacher.update(episodes([True] * 100, 0.4))
    assert teacher.difficulty(rng(), 3).tolist() == [0.4] * 3
    assert teacher.level == 0.4
    assert Fixed().level == 1.0


def test_uniform_covers_its_range_evenly_and_draws_from_the_generator_it_is_given() -> None:
    drawn = Uniform(0.2, 0.6).difficulty(rng(), 20_000)
    assert (drawn.min() >= 0.2, drawn.max() <= 0.6) == (True, True)
    np.testing.assert_allclose(np.histogram(drawn, 8, (0.2, 0.6))[0], 2500, atol=250)
    np.testing.assert_array_equal(drawn, Uniform(0.2, 0.6).difficulty(rng(), 20_000))
    assert Uniform(0.2, 0.6).level == pytest.approx(0.4)


def test_paced_follows_the_step_and_nothing_else() -> None:
    teacher = Paced(Linear(stop=1000))
    assert teacher.level == 0.0
    teacher.update(Episodes.none(250))
    assert teacher.difficulty(rng(), 2).tolist() == [0.25, 0.25]
    teacher.update(episodes([False] * 10, 0.25, step=2000))
    assert teacher.level == 1.0


def test_a_return_may_stand_for_success() -> None:
    teacher = SuccessThreshold(threshold=0.5, window=2, step_up=0.5, least_return=-10.0)
    none = np.zeros(2, bool)
    teacher.update(Episodes(0, np.zeros(2), np.array([-11.0, -30.0]), np.ones(2, np.int64), ~none))
    assert teacher.level == 0.0
    teacher.update(Episodes(0, np.zeros(2), np.array([-10.0, -10.1]), np.ones(2, np.int64), none))
    assert teacher.level == 0.5
    with pytest.raises(UserError, match="the environments report no returns"):
        teacher.update(Episodes(0, np.zeros(1), np.full(1, np.nan), np.ones(1, np.int64), np.ones(1, bool)))
    with pytest.raises(UserError, match="least_return is nan; accepted: a finite number"):
        SuccessThreshold(least_return=float("nan"))


def test_the_level_rises_when_the_window_is_full_of_enough_successes() -> None:
    teacher = SuccessThreshold(threshold=0.75, window=4, step_up=0.5)
    teacher.update(episodes([True, True, True], 0.0))
    assert teacher.level == 0.0
    teacher.update(episodes([False], 0.0))
    assert teacher.level == 0.5
    teacher.update(episodes([True, True, True], 0.5))
    assert teacher.level == 0.5
    teacher.update(episodes([True], 0.5))
    assert teacher.level == 1.0
    teacher.update(episodes([True] * 100, 1.0))
    assert teacher.level == 1.0


def test_only_the_last_window_counts() -> None:
    teacher = SuccessThreshold(threshold=1.0, window=3, step_up=0.5)
    teacher.update(episodes([False] * 50 + [True, True], 0.0))
    assert teacher.level == 0.0
    teacher.update(episodes([True], 0.0))
    assert teacher.level == 0.5


def test_episodes_begun_at_another_level_do_not_count() -> None:
    teacher = SuccessThreshold(threshold=1.0, window=2, step_up=0.25)
    teacher.update(episodes([True] * 8, 0.0))
    assert teacher.level == 0.25


def test_the_level_falls_where_the_agent_fails_if_it_may() -> None:
    teacher = SuccessThreshold(threshold=0.8, window=2, step_up=0.5, step_down=0.2, floor=0.1)
    teacher.update(episodes([True, True], 0.0))
    teacher.update(episodes([False, False], 0.5))
    assert teacher.level == 0.3
    for level in (0.3, 0.1, 0.0, 0.0):
        teacher.update(episodes([False, False], level))
    assert teacher.level == 0.0
    stays = SuccessThreshold(window=2, step_up=0.5)
    stays.update(episodes([True, True], 0.0))
    stays.update(episodes([False] * 20, 0.5))
    assert stays.level == 0.5


def test_ten_steps_of_a_tenth_reach_the_target_exactly() -> None:
    teacher = SuccessThreshold(window=1, step_up=0.1)
    for _ in range(10):
        teacher.update(episodes([True], teacher.level))
    assert teacher.level == 1.0


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200),
    st.floats(0.01, 0.4),
    st.floats(0, 0.3),
    st.integers(1, 5),
)
def test_the_level_stays_in_its_range(history: list, up: float, down: float, window: int) -> None:
    teacher = SuccessThreshold(0.6, window, up, down, floor=0.3, lowest=0.1, highest=0.9)
    for success, stale in history:
        teacher.update(episodes([success], 0.95 if stale else teacher.level))
        assert 0.1 <= teacher.level <= 0.9
        assert np.all(teacher.difficulty(rng(), 2) == teacher.level)


@pytest.mark.parametrize(
    "make",
    [lambda: Fixed(0.3), Uniform, lambda: Paced(Linear(stop=100)), lambda: SuccessThreshold(window=5, step_up=0.3)],
    ids=["fixed", "uniform", "paced", "success"],
)
def test_a_resumed_teacher_goes_on_as_the_one_that_was_never_stopped(make: object) -> None:
    def teach(teacher: Teacher, random: np.random.Generator, start: int, stop: int) -> list:
        asked = []
        for step in range(start, stop):
            difficulty = teacher.difficulty(random, 3)
            asked.append(difficulty.tolist())
            success = difficulty + np.random.default_rng(step).random(3) < 1.2
            teacher.update(Episodes(step, difficulty, np.zeros(3), np.ones(3, np.int64), success))
        return asked

    whole = teach(make(), rng(), 0, 60)
    first, random = make(), rng()
    begun = teach(first, random, 0, 31)
    second = make()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert begun + teach(second, random, 31, 60) == whole


def test_a_curriculum_with_the_real_task_gets_harder_as_the_agent_succeeds() -> None:
    """Full throttle reaches the goal while power is plenty, and no longer once a swing is needed: there it stops."""
    venv = curricula.make_vec("lab/MountainCar-v0", 16, difficulty=0.0)
    teacher = SuccessThreshold(threshold=0.9, window=20, step_up=0.1)
    venv.reset(seed=0)
    for step in range(1500):
        *_, info = venv.step(np.full(16, 2))
        teacher.update(Episodes.of(step, info))
        venv.set_difficulty(teacher.difficulty(rng(), 16))
    assert teacher.level in (0.2, 0.3, 0.4)
    assert venv.difficulty.tolist() == [teacher.level] * 16


def test_episodes_of_a_step_are_those_that_ended() -> None:
    venv = curricula.make_vec("lab/MountainCar-v0", 2, difficulty=np.array([0.0, 1.0]), max_episode_steps=50)
    venv.reset(seed=0)
    ended = [Episodes.of(step, venv.step(np.full(2, 2))[4]) for step in range(1, 51)]
    told = [
        (e.step, d, r, n, s)
        for e in ended
        for d, r, n, s in zip(e.difficulty, e.returns, e.lengths, e.success, strict=True)
    ]
    steps, difficulties, returns, lengths, successes = zip(*told, strict=True)
    assert set(difficulties) == {0.0, 1.0}
    assert steps[0] == lengths[0] == -returns[0]
    assert (successes[0], successes[-1]) == (True, False)
    assert (steps[-1], lengths[-1], returns[-1]) == (50, 50, -50.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fixed(1.2), r"difficulty is 1.2; accepted: a number in \[0, 1\]"),
        (lambda: Uniform(0.5, 0.4), r"low is 0.5; accepted: a number in \[0, high = 0.4\]"),
        (lambda: SuccessThreshold(threshold=1.5), r"threshold is 1.5; accepted: a number in \[0, 1\]"),
        (lambda: SuccessThreshold(window=0), "window is 0; accepted: a whole number of at least 1"),
        (lambda: SuccessThreshold(step_up=0.0), r"step_up is 0; accepted: a number in \(0, 1\]"),
        (lambda: SuccessThreshold(step_down=0.1, floor=0.8), "floor is 0.8; accepted: a number below the threshold"),
        (lambda: SuccessThreshold(lowest=0.8, highest=0.5), "lowest is 0.8"),
    ],
)
def test_mistakes_are_one_clear_line(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()

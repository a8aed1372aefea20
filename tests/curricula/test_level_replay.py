"""Prioritised level replay: the paper's distribution on a case worked by hand, and what it chooses to replay."""

import numpy as np
import pytest

from curricula.teachers import Episodes, LevelReplay
from curricula.teachers.level_replay import replay_distribution
from lab.errors import UserError


def played(teacher: LevelReplay, *pairs: tuple[float, float]) -> None:
    at, returns = np.array(pairs).T
    n = len(pairs)
    teacher.update(Episodes(0, at, returns, np.ones(n, np.int64), np.zeros(n, bool)))


def test_the_distribution_is_the_papers() -> None:
    # Scores 3, 1, 2: ranks 1, 3, 2. At β = ½ the weights are 1, 1/9, 1/4, whose sum is 49/36. Ages 0, 6, 2 of sum 8.
    by_score, by_age = np.array([36, 4, 9]) / 49, np.array([0, 6, 2]) / 8
    found = replay_distribution(np.array([3.0, 1.0, 2.0]), np.array([0, 6, 2]), temperature=0.5, staleness=0.3)
    np.testing.assert_allclose(found, 0.7 * by_score + 0.3 * by_age, rtol=1e-14)


def test_equal_scores_are_equally_likely() -> None:
    found = replay_distribution(np.array([1.0, 5.0, 1.0, 5.0]), np.zeros(4), temperature=1.0, staleness=0.2)
    np.testing.assert_allclose(found, np.array([1 / 3, 1, 1 / 3, 1]) / (8 / 3))  # ranks 3, 1, 3, 1


def test_a_teachers_own_numbers_give_the_papers_distribution() -> None:
    teacher = LevelReplay(levels=3, temperature=1.0, staleness=0.5, rate=0.5)
    # Level 0: mean 10 after the first, then 4: a surprise of 6, and a mean of 7. Level ½ is new: all returns so far had
    # the mean 7, so 8 is a surprise of 1; level 1 is new too: of 22/3, so 0 is a surprise of 22/3.
    played(teacher, (0.0, 10.0), (0.0, 4.0), (0.5, 8.0), (1.0, 0.0))
    assert teacher.scores == pytest.approx([6.0, 1.0, 22 / 3])
    assert teacher.means == [7.0, 8.0, 0.0]
    ranks, ages = np.array([2, 3, 1]), np.array([2, 1, 0])
    expected = 0.5 * (1 / ranks) / (1 / ranks).sum() + 0.5 * ages / 3
    np.testing.assert_allclose(teacher.probabilities(), expected)
    drawn = teacher.difficulty(np.random.default_rng(0), 50_000)
    np.testing.assert_allclose([np.mean(drawn == level) for level in (0.0, 0.5, 1.0)], expected, atol=0.01)


def test_new_levels_are_tried_by_their_share_all_alike() -> None:
    teacher = LevelReplay(levels=5)
    np.testing.assert_allclose(teacher.probabilities(), np.full(5, 0.2))
    played(teacher, (0.5, 1.0), (0.75, 2.0))
    np.testing.assert_allclose(teacher.probabilities()[[0, 1, 4]], np.full(3, 0.2))
    assert teacher.probabilities()[[2, 3]].sum() == pytest.approx(0.4)


def test_an_episode_counts_at_the_nearest_level() -> None:
    teacher = LevelReplay(levels=5)
    played(teacher, (0.3, 1.0), (0.9, 2.0))
    assert teacher.last == [0, 1, 0, 0, 2]


def test_it_replays_what_is_neither_mastered_nor_hopeless(learner, teach) -> None:
    agent = learner(skill=0.5, width=0.08, gain=0.0)
    asked = np.concatenate(teach(LevelReplay(temperature=0.3), agent, 400)[100:])
    assert np.mean(np.abs(asked - 0.5) < 0.25) > 0.65
    assert set(np.unique(asked)) == set(np.linspace(0, 1, 11)), "staleness leaves none alone"


def test_returns_that_nobody_reports_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^curriculum: the environments report no returns .* measure: success, or .*$"):
        played(LevelReplay(), (0.5, np.nan))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"levels": 1}, "levels is 1; accepted: a whole number of at least 2"),
        ({"temperature": 0.0}, "temperature is 0.0; accepted: a number above 0"),
        ({"staleness": -0.1}, r"staleness is -0.1; accepted: a number in \[0, 1\]"),
        ({"rate": 0.0}, r"rate is 0; accepted: a number in \(0, 1\]"),
    ],
)
def test_mistakes_are_one_clear_line(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        LevelReplay(**settings)

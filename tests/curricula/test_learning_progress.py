"""ALP-GMM: absolute learning progress as the paper measures it, and episodes where it is."""

import numpy as np
import pytest

from curricula.teachers import Episodes, LearningProgress
from curricula.teachers.learning_progress import fitted
from lab.errors import UserError


def played(teacher: LearningProgress, contexts: np.ndarray, returns: np.ndarray) -> None:
    n = len(returns)
    teacher.update(
        Episodes(0, np.asarray(contexts), np.asarray(returns, float), np.ones(n, np.int64), np.zeros(n, bool))
    )


def test_progress_is_the_change_against_the_nearest_earlier_context() -> None:
    teacher = LearningProgress(axes=2)
    contexts = np.array([[0.1, 0.1], [0.9, 0.9], [0.2, 0.1], [0.9, 0.8], [0.2, 0.1]])
    played(teacher, contexts, np.array([5.0, 50.0, 2.0, 80.0, 2.5]))
    assert [point[-1] for point in teacher.points] == [0.0, 45.0, 3.0, 30.0, 0.5]


def test_of_equally_near_ones_the_last_counts_and_the_forgotten_do_not() -> None:
    teacher = LearningProgress(memory=3)
    played(teacher, np.array([0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.5]), np.array([1.0, 2.0, 4.0, 0.0, 0.0, 0.0, 4.0]))
    assert [point[-1] for point in teacher.points] == [0.0, 1.0, 2.0, 4.0, 0.0, 0.0, 4.0]


def test_components_are_chosen_in_proportion_to_their_mean_progress() -> None:
    random = np.random.default_rng(0)
    groups = [(0.2, 0.1), (0.5, 0.3), (0.8, 0.6)]
    points = np.concatenate([random.normal(group, 0.01, (100, 2)) for group in groups])
    mixture = fitted(points, most=6, seed=0)
    by_mean = sorted((float(one.mean[0]), float(chance)) for one, chance in zip(mixture.components, mixture.chances))  # noqa: B905
    assert len(by_mean) >= 3
    for (middle, progress), share in zip(groups, (0.1, 0.3, 0.6), strict=True):
        assert sum(chance for mean, chance in by_mean if abs(mean - middle) < 0.1) == pytest.approx(share, abs=0.02), (
            progress
        )


def test_without_any_progress_every_component_is_as_likely() -> None:
    points = np.column_stack((np.random.default_rng(0).random(60), np.zeros(60)))
    mixture = fitted(points, most=3, seed=0)
    np.testing.assert_allclose(mixture.chances, 1 / len(mixture.chances))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_unit_of_returns_does_not_matter(scale: float) -> None:
    random, teacher = np.random.default_rng(3), LearningProgress(fit_every=60, gaussians=4)
    contexts, noise = random.random(60), random.random(60)
    played(teacher, contexts, scale * np.where(contexts > 0.6, noise, 0.0))
    assert teacher.level == pytest.approx(0.2 * 0.5 + 0.8 * 0.79, abs=0.05)


def test_before_the_first_fit_and_for_its_share_it_is_uniform() -> None:
    teacher = LearningProgress(axes=2, fit_every=50, gaussians=2, random=0.3)
    drawn = teacher.difficulty(np.random.default_rng(0), 4000)
    np.testing.assert_allclose(np.histogram(drawn[:, 1], 4, (0, 1))[0], 1000, atol=120)
    contexts = np.random.default_rng(1).random((50, 2))
    played(teacher, contexts, np.where(contexts[:, 0] > 0.8, 100.0 * contexts[:, 1], 0.0))
    drawn = teacher.difficulty(np.random.default_rng(0), 4000)
    assert np.mean(drawn[:, 0] < 0.5) == pytest.approx(0.3 * 0.5, abs=0.06)


@pytest.mark.parametrize("skill", [0.3, 0.7])
def test_it_concentrates_where_progress_is(skill: float, learner, teach) -> None:
    """Nothing is learnt where the agent always or never succeeds: contexts around its skill are asked for."""
    asked = np.concatenate(
        teach(LearningProgress(fit_every=100, gaussians=5), learner(skill=skill, gain=0.0), 100)[50:]
    )
    assert np.mean(np.abs(asked - skill) < 0.2) > 0.7  # 0.4 of uniform draws


def test_it_follows_the_agent(learner, teach) -> None:
    teacher, agent = LearningProgress(fit_every=100, gaussians=4, memory=300), learner(skill=0.3, gain=0.0)
    before = np.mean(teach(teacher, agent, 60)[30:])
    agent.skill = 0.7
    assert np.mean(teach(teacher, agent, 120)[90:]) > before + 0.2


def test_on_two_axes_it_finds_the_edge_of_what_the_agent_can(learner, teach) -> None:
    teacher, agent = LearningProgress(axes=2, fit_every=150, gaussians=6), learner(skill=0.5, gain=0.0)
    asked = np.concatenate(teach(teacher, agent, 120)[60:])
    edge = np.mean(np.abs(asked.max(axis=1) - 0.5) < 0.15)
    uniform = np.mean(np.abs(np.random.default_rng(0).random((5000, 2)).max(axis=1) - 0.5) < 0.15)
    assert edge > 1.5 * uniform


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"axes": 0}, "axes is 0; accepted: a whole number of at least 1"),
        ({"gaussians": 1}, "gaussians is 1; accepted: a whole number of at least 2"),
        ({"fit_every": 9}, "fit_every is 9; accepted: a whole number of at least 10"),
        ({"random": 2.0}, r"random is 2.0; accepted: a number in \[0, 1\]"),
    ],
)
def test_mistakes_are_one_clear_line(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        LearningProgress(**settings)

"""Self-paced learning: the optimiser against what is known in closed form, and the pace at which it moves."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, brentq
from scipy.stats import multivariate_normal

from curricula.teachers import Episodes, SelfPaced
from curricula.teachers.gaussian import Gaussian
from curricula.teachers.moves import Move, divergence, packed
from lab.errors import UserError


def any_gaussian(seed: int, d: int) -> Gaussian:
    random = np.random.default_rng(seed)
    factor = np.tril(random.normal(0, 0.05, (d, d)), -1) + np.diag(random.uniform(0.12, 0.3, d))
    return Gaussian(random.uniform(0.2, 0.6, d), factor)


def between(p: Gaussian, target: Gaussian, max_kl: float) -> Gaussian:
    """The minimum of KL(q ‖ μ) with KL(q ‖ p) ≤ ε, from its stationarity: log q is a mean of log p and log μ."""
    precisions = [np.linalg.inv(one.factor @ one.factor.T) for one in (p, target)]

    def mixed(t: float) -> Gaussian:
        precision = (1 - t) * precisions[0] + t * precisions[1]
        shift = (1 - t) * precisions[0] @ p.mean + t * precisions[1] @ target.mean
        covariance = np.linalg.inv(precision)
        return Gaussian(covariance @ shift, np.linalg.cholesky(covariance))

    if target.divergence(p) <= max_kl:
        return target
    return mixed(brentq(lambda t: mixed(t).divergence(p) - max_kl, 0, 1, xtol=1e-14))


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("max_kl", [0.01, 0.3, 100.0])
def test_where_performance_does_not_bind_the_move_is_the_closed_form(d: int, max_kl: float) -> None:
    p, target = any_gaussian(d, d), Gaussian.round(0.9, 0.1, d)
    contexts = p.draw(np.random.default_rng(0), 100)
    found = Move(p, contexts, np.full(100, 1e6), max_kl, narrowest=0.05).towards(target, threshold=0.5)
    expected = between(p, target, max_kl)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-5)
    np.testing.assert_allclose(found.factor, expected.factor, atol=1e-5)
    assert found.divergence(p) <= max_kl + 1e-8


def expected_score(q: Gaussian, p: Gaussian, contexts: np.ndarray, scores: np.ndarray) -> float:
    """The paper's importance-weighted estimate."""
    densities = [multivariate_normal(one.mean, one.factor @ one.factor.T).pdf(contexts) for one in (q, p)]
    return float(np.mean(densities[0] / densities[1] * scores))


@given(seed=st.integers(0, 500), max_kl=st.floats(0.005, 0.5), threshold=st.floats(0.05, 0.9))
@settings(max_examples=15, deadline=None)
def test_every_move_keeps_both_limits_and_comes_nearer(seed: int, max_kl: float, threshold: float) -> None:
    p, target, random = any_gaussian(seed, 2), Gaussian.round(1.0, 0.1, 2), np.random.default_rng(seed)
    contexts = p.draw(random, 60)
    scores = (random.random(60) < 1.2 - contexts.mean(axis=1)).astype(float)
    move = Move(p, contexts, scores, max_kl, narrowest=0.1)
    threshold = min(threshold, scores.mean())
    found = move.towards(target, threshold)
    assert found.divergence(p) <= max_kl + 1e-8
    assert expected_score(found, p, contexts, scores) >= threshold - 1e-8
    assert found.divergence(target) <= p.divergence(target)
    better = move.to_better()
    assert better.divergence(p) <= max_kl + 1e-8
    assert expected_score(better, p, contexts, scores) >= scores.mean() - 1e-12


@pytest.mark.parametrize("d", [1, 2, 3])
def test_gradients_are_those_of_finite_differences(d: int) -> None:
    p, random = any_gaussian(d, d), np.random.default_rng(d)
    move = Move(p, p.draw(random, 80), random.random(80), 0.1, narrowest=0.05)
    x = packed(any_gaussian(d + 10, d))
    for function in (move.performance, partial(divergence, other=p)):
        slopes = approx_fprime(x, lambda x, of=function: of(x)[0], 1e-7)
        np.testing.assert_allclose(function(x)[1], slopes, atol=1e-4, rtol=1e-4)


def test_a_divergence_is_what_many_draws_say() -> None:
    p, q = any_gaussian(1, 2), any_gaussian(2, 2)
    drawn = p.mean + np.random.default_rng(0).standard_normal((400_000, 2)) @ p.factor.T
    assert p.divergence(q) == pytest.approx(np.mean(p.log_density(drawn) - q.log_density(drawn)), rel=0.01)
    assert p.divergence(p) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("at", "std"), [(0.0, 0.2), (0.5, 0.1), (0.5, 1.0), (1.0, 0.1)])
def test_the_mean_of_clipped_draws_is_known(at: float, std: float) -> None:
    gaussian = Gaussian.round(at, std, 1)
    drawn = gaussian.draw(np.random.default_rng(0), 200_000)
    assert gaussian.clipped_mean() == pytest.approx(drawn.mean(), abs=0.004)


def test_it_goes_to_the_target_as_the_agent_learns_within_its_limit(learner, teach) -> None:
    teacher, agent = SelfPaced(every=40, threshold=0.6), learner()
    skills, levels = [], []
    for _ in range(40):
        before = teacher.present
        teach(teacher, agent, 5)  # one update
        assert teacher.present.divergence(before) <= teacher.max_kl + 1e-8
        skills.append(agent.skill), levels.append(teacher.level)
    target = Gaussian.round(1.0, 0.1, 1)
    assert teacher.present.divergence(target) < 1e-3
    hard = np.array(levels) > 0.3
    assert np.all(np.array(levels)[hard] < np.array(skills)[hard] + 0.15), "never far ahead of what the agent can"


def test_it_waits_for_an_agent_that_does_not_learn(learner, teach) -> None:
    teacher = SelfPaced(every=40, threshold=0.6, axes=2)
    teach(teacher, learner(skill=0.4, gain=0.0), 100)
    assert 0.2 < teacher.level < 0.45


def test_at_first_it_looks_for_contexts_where_the_agent_succeeds(learner, teach) -> None:
    teacher = SelfPaced(every=80, threshold=0.9, start=0.6, start_std=0.3)
    teach(teacher, learner(skill=0.3, gain=0.0), 50)
    assert not teacher.reached
    assert teacher.level < 0.45


def test_it_stays_where_performance_is_lost_later(learner, teach) -> None:
    teacher = SelfPaced(every=20, threshold=0.6)
    teach(teacher, learner(skill=1.0, gain=0.0), 20)
    assert teacher.reached
    before = teacher.present
    for seed in range(5):  # the easier half succeeds: there is somewhere better to go
        at = teacher.difficulty(np.random.default_rng(seed), 20)
        success = at < np.median(at)
        teacher.update(Episodes(0, at, np.zeros(20), np.ones(20, np.int64), success))
    assert teacher.present is before


def test_episodes_of_another_distribution_are_left_out() -> None:
    teacher = SelfPaced(every=1000)  # the mean at 0, a deviation of 0.2
    at = np.array([0.0, 0.3, 0.64, 0.67, 1.0])
    teacher.update(Episodes(0, at, np.zeros(5), np.ones(5, np.int64), np.ones(5, bool)))
    assert teacher.contexts == [[0.0], [0.3], [0.64]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 1}, "every is 1; accepted: a whole number of at least 2"),
        ({"max_kl": 0.0}, "max_kl is 0.0; accepted: a number above 0"),
        ({"target_std": 0.0}, "target_std is 0.0; accepted: a number above 0"),
        ({"start": 1.5}, r"start is 1.5; accepted: a number in \[0, 1\]"),
        ({"threshold": math.nan}, "threshold is nan; accepted: a finite number"),
    ],
)
def test_mistakes_are_one_clear_line(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        SelfPaced(**settings)

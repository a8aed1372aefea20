"""Batched environments: step for step what as many single ones do, with a difficulty each, and exactly resumable."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

import curricula
from curricula.teachers import Episodes
from curricula.vector import BatchedTask
from lab.errors import UserError

TASKS = curricula.task_ids()
N = 5


def singles(task_id: str, **kwargs: object) -> gym.vector.SyncVectorEnv:
    """As many single environments, resetting themselves in the same step."""
    return gym.vector.SyncVectorEnv(
        [lambda: gym.make(task_id, disable_env_checker=True, **kwargs) for _ in range(N)],
        autoreset_mode=AutoresetMode.SAME_STEP,
    )


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("difficulty", [0.0, 0.25, 0.6, 1.0])
def test_a_batch_is_its_environments_step_for_step(task_id: str, difficulty: float) -> None:
    batch = curricula.make_vec(task_id, N, difficulty=difficulty, max_episode_steps=60)
    loop = singles(task_id, difficulty=difficulty, max_episode_steps=60)
    a, b = batch.reset(seed=3), loop.reset(seed=3)
    np.testing.assert_array_equal(a[0], b[0])
    batch.action_space.seed(0)
    endings = 0
    for step in range(200):
        if step == 70:
            batch.set_difficulty(0.5)
            for env in loop.envs:
                env.unwrapped.set_difficulty(0.5)
        actions = batch.action_space.sample()
        a, b = batch.step(actions), loop.step(actions)
        for mine, theirs in zip(a[:4], b[:4], strict=True):
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(a[4]["difficulty"], b[4]["difficulty"])
        assert ("final_obs" in a[4]) == ("final_obs" in b[4])
        if "final_obs" in a[4]:
            endings += 1
            np.testing.assert_array_equal(a[4]["_final_obs"], b[4]["_final_obs"])
            for mine, theirs in zip(a[4]["final_obs"], b[4]["final_obs"], strict=True):
                np.testing.assert_array_equal(mine, theirs)
            for key in ("difficulty", "success", "_difficulty", "_success"):
                np.testing.assert_array_equal(a[4]["final_info"][key], b[4]["final_info"][key])
    assert endings


def test_at_difficulty_1_the_batch_is_gymnasiums_own_batched_cartpole() -> None:
    ours = curricula.make_vec("lab/CartPole-v0", 8)
    theirs = gym.make_vec("CartPole-v1", 8, vectorization_mode="vector_entry_point")
    ours.reset(seed=0)
    theirs.reset(seed=0)
    theirs.unwrapped.state = ours.state_dict()["state"].copy()
    running = np.ones(8, dtype=bool)
    for step in range(60):
        actions = np.full(8, step % 2)
        a, b = ours.step(actions), theirs.step(actions)
        ended = a[2] | a[3]
        seen = np.where(
            ended[:, None], np.stack([f if f is not None else a[0][i] for i, f in enumerate(_final(a, 8))]), a[0]
        )
        np.testing.assert_allclose(seen[running], b[0][running], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(a[2][running], b[2][running])
        running &= ~ended
    assert not running.all()


def _final(step: tuple, n: int) -> list:
    return list(step[4].get("final_obs", [None] * n))


@pytest.mark.parametrize("task_id", TASKS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_environment_lives_by_its_own_difficulty(task_id: str, data: st.DataObject) -> None:
    """Whatever the others play: a column of the batch equals a batch of one at that difficulty."""
    levels = np.array(data.draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
    seed = data.draw(st.integers(0, 1000))
    mixed = curricula.make_vec(task_id, 3, difficulty=levels)
    alone = [curricula.make_vec(task_id, 1, difficulty=float(d)) for d in levels]
    a = mixed.reset(seed=seed)[0]
    np.testing.assert_array_equal(a, np.concatenate([v.reset(seed=seed + i)[0] for i, v in enumerate(alone)]))
    mixed.action_space.seed(seed)
    for _ in range(30):
        actions = mixed.action_space.sample()
        a = mixed.step(actions)
        b = [venv.step(actions[i : i + 1]) for i, venv in enumerate(alone)]
        for k in range(4):
            np.testing.assert_array_equal(a[k], np.concatenate([step[k] for step in b]))


def test_the_pending_difficulty_waits_for_each_environments_own_reset() -> None:
    venv = curricula.make_vec("lab/CartPole-v0", 8, difficulty=0.0, max_episode_steps=40)
    venv.reset(seed=0)
    venv.set_difficulty(1.0)
    current = np.zeros(8)
    rng = np.random.default_rng(0)
    for _ in range(40):
        *_, terminated, truncated, info = venv.step(rng.integers(0, 2, 8))
        done = terminated | truncated
        if done.any():
            np.testing.assert_array_equal(info["final_info"]["difficulty"][done], current[done])
        current[done] = 1.0
        np.testing.assert_array_equal(info["difficulty"], current)
        np.testing.assert_array_equal(venv.difficulty, current)
    assert current.all()


def test_difficulties_can_be_set_for_some_environments_only() -> None:
    venv = curricula.make_vec("lab/MountainCar-v0", 3, difficulty=0.2)
    venv.set_difficulty(np.array([0.5, 0.6, 0.7]), where=np.array([True, False, True]))
    assert venv.pending_difficulty.tolist() == [0.5, 0.2, 0.7]
    assert venv.difficulty.tolist() == [0.2, 0.2, 0.2]
    assert venv.reset(seed=0)[1]["difficulty"].tolist() == [0.5, 0.2, 0.7]


def test_reset_options_reach_the_masked_environments() -> None:
    venv = curricula.make_vec("lab/MountainCar-v0", 3, difficulty=0.2)
    before, _ = venv.reset(seed=0)
    mask = np.array([False, True, False])
    after, info = venv.reset(options={"difficulty": 0.9, "reset_mask": mask})
    assert info["difficulty"].tolist() == [0.2, 0.9, 0.2]
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert (after[mask] != before[mask]).any()


def test_episodes_are_counted_and_summed() -> None:
    venv = curricula.make_vec("lab/MountainCar-v0", 4, difficulty=np.array([0.0, 0.0, 1.0, 1.0]), max_episode_steps=120)
    venv.reset(seed=0)
    returns, lengths, seen = np.zeros(4), np.zeros(4, dtype=int), []
    for _ in range(400):
        _, reward, terminated, truncated, info = venv.step(np.full(4, 2))
        returns += reward
        lengths += 1
        done = terminated | truncated
        assert ("episode" in info) == bool(done.any())
        for i in np.flatnonzero(done):
            assert info["_episode"][i]
            assert (info["episode"]["r"][i], info["episode"]["l"][i]) == (returns[i], lengths[i])
            assert info["success"][i] == terminated[i]
            seen.append((i < 2, bool(info["success"][i])))
        returns[done] = lengths[done] = 0
    assert {(True, True), (False, False)} == set(seen)


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("at", [1, 37, 100])
def test_a_resume_in_the_middle_of_episodes_is_exact(task_id: str, at: int) -> None:
    def run(venv: BatchedTask, start: int, stop: int) -> list:
        seen = []
        for step in range(start, stop):
            if step % 13 == 0:
                venv.set_difficulty(np.random.default_rng(step).random(N))
            actions = actions_of[step]
            *arrays, info = venv.step(actions)
            seen.append([*arrays, info["difficulty"], info.get("episode", {}).get("r")])
        return seen

    fresh = curricula.make_vec(task_id, N, max_episode_steps=30)
    fresh.action_space.seed(1)
    actions_of = [fresh.action_space.sample() for _ in range(200)]
    fresh.reset(seed=7)
    run(fresh, 0, at)
    saved = fresh.state_dict()
    plain = json.loads(json.dumps({k: v for k, v in saved.items() if k == "generators"}))
    copied = {k: np.array(v) if isinstance(v, np.ndarray) else plain[k] for k, v in saved.items()}
    expected = run(fresh, at, 200)
    resumed = curricula.make_vec(task_id, N, max_episode_steps=30)
    resumed.load_state_dict(copied)
    for mine, theirs in zip(run(resumed, at, 200), expected, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_state_of_another_batch_is_refused() -> None:
    small, large = curricula.make_vec("lab/CartPole-v0", 2), curricula.make_vec("lab/CartPole-v0", 3)
    small.reset(seed=0)
    with pytest.raises(UserError, match=r"saved difficulty has shape \[2, 2\]; accepted: \[2, 3\]"):
        large.load_state_dict(small.state_dict())


def test_gymnasium_makes_the_batch() -> None:
    venv = gym.make_vec("lab/MountainCar-v0", num_envs=4, vectorization_mode="vector_entry_point", difficulty=0.3)
    assert isinstance(venv, BatchedTask)
    assert venv.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    observation, info = venv.reset(seed=0)
    assert observation in venv.observation_space
    assert info["difficulty"].tolist() == [0.3] * 4
    assert venv.max_episode_steps == 200
    shorter = gym.make_vec("lab/MountainCar-v0", num_envs=1, max_episode_steps=7)
    shorter.reset(seed=0)
    assert [bool(shorter.step(np.array([1]))[3][0]) for _ in range(7)] == [False] * 6 + [True]


def test_what_was_returned_is_never_changed_later() -> None:
    venv = curricula.make_vec("lab/CartPole-v0", 4)
    kept = [venv.reset(seed=0)[0]]
    copies = [kept[0].copy()]
    rng = np.random.default_rng(0)
    for _ in range(60):
        observation, reward, terminated, truncated, info = venv.step(rng.integers(0, 2, 4))
        for array in (observation, reward, terminated, truncated, info["difficulty"]):
            kept.append(array)
            copies.append(array.copy())
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_same_seed_gives_the_same_episodes_and_no_seed_goes_on() -> None:
    venv = curricula.make_vec("lab/Pendulum-v0", 3)
    first = venv.reset(seed=1)[0]
    second = venv.reset()[0]
    assert (first != second).any()
    np.testing.assert_array_equal(venv.reset(seed=1)[0], first)
    np.testing.assert_array_equal(venv.reset(seed=[1, 2, 3])[0], first)


@pytest.mark.parametrize("task_id", ["lab/CartPole-v0", "lab/MountainCar-v0"])
def test_an_action_that_does_not_exist_is_refused(task_id: str) -> None:
    venv = curricula.make_vec(task_id, 2)
    with pytest.raises(UserError, match="step was called before reset"):
        venv.step(np.array([0, 0]))
    venv.reset(seed=0)
    with pytest.raises(UserError, match="action is 3; accepted: 0 to"):
        venv.step(np.array([0, 3]))
    with pytest.raises(UserError, match=r"actions have shape \[3\]; accepted: \[2\]"):
        venv.step(np.zeros(3, dtype=int))


def test_a_batch_shows_each_environment() -> None:
    venv = curricula.make_vec("lab/CartPole-v0", 2, difficulty=np.array([0.0, 1.0]), render_mode="rgb_array")
    venv.reset(seed=0)
    frames = venv.render()
    assert [frame.shape for frame in frames] == [(400, 600, 3)] * 2
    assert (frames[0] != frames[1]).any()


TWO = {"power": {"easy": 2.5}, "goal": {"easy": 0.2}}


def test_a_row_for_each_environment_is_adopted_and_reported_as_single_environments_do() -> None:
    batch = curricula.make_vec("lab/MountainCar-v0", N, axes=TWO, max_episode_steps=7)
    loop = singles("lab/MountainCar-v0", axes=TWO, max_episode_steps=7)
    batch.reset(seed=3), loop.reset(seed=3)
    random, adopted, endings = np.random.default_rng(0), np.ones((N, 2)), 0
    for _ in range(30):
        waiting = random.random((N, 2))
        batch.set_difficulty(waiting)
        for env, row in zip(loop.envs, waiting, strict=True):
            env.unwrapped.set_difficulty({"power": row[0], "goal": row[1]})
        actions = batch.action_space.sample()
        a, b = batch.step(actions), loop.step(actions)
        np.testing.assert_array_equal(a[0], b[0])
        ended = a[2] | a[3]
        if ended.any():
            endings += 1
            np.testing.assert_array_equal(a[4]["final_info"]["difficulties"][ended], adopted[ended])
            for key in ("difficulties", "_difficulties"):
                np.testing.assert_array_equal(a[4]["final_info"][key], b[4]["final_info"][key])
            told = Episodes.of(0, a[4], per_axis=True)
            np.testing.assert_array_equal(told.difficulty, adopted[ended])
            np.testing.assert_allclose(Episodes.of(0, a[4]).difficulty, adopted[ended].mean(axis=1))
            np.testing.assert_array_equal(told.along(1).difficulty, adopted[ended, 1])
        adopted[ended] = waiting[ended]
        np.testing.assert_allclose(batch.difficulty, adopted.mean(axis=1))
    assert endings >= 4

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_util import make_vec_env

import curricula
from lab.errors import UserError
from rl.normalise import Moments, Normalised
from rl.observations import channels_first
from rl.vec_env import BatchedVecEnv


def singles(task, count, mode=AutoresetMode.SAME_STEP, **options):
    return gymnasium.make_vec(task, count, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options)


@pytest.mark.parametrize("task", curricula.task_ids())
def test_step_for_step_it_is_what_sb3s_own_dummy_environments_are(task):
    ours = BatchedVecEnv(curricula.make_vec(task, 3, difficulty=0.2, max_episode_steps=30), seed=7)
    theirs = make_vec_env(task, 3, seed=7, env_kwargs={"difficulty": 0.2, "max_episode_steps": 30})
    assert np.array_equal(ours.reset(), theirs.reset())
    ours.action_space.seed(0)
    ends = 0
    for _ in range(100):
        actions = np.stack([ours.action_space.sample() for _ in range(3)])
        observations, rewards, dones, infos = ours.step(actions)
        expected = theirs.step(actions)
        assert np.array_equal(observations, expected[0])
        assert np.array_equal(rewards, expected[1])
        assert np.array_equal(dones, expected[2])
        for index in np.flatnonzero(dones):
            ends += 1
            other = expected[3][index]
            assert np.array_equal(infos[index]["terminal_observation"], other["terminal_observation"])
            assert infos[index]["TimeLimit.truncated"] == other["TimeLimit.truncated"]
            assert infos[index]["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-5)
            assert infos[index]["episode"]["l"] == other["episode"]["l"]
            assert infos[index]["is_success"] == other["success"]
            assert infos[index]["difficulty"] == other["difficulty"] == 0.2
    assert ends >= 9


class Grating(gymnasium.Env):
    """Images by their rows, as a camera gives them."""

    observation_space = gymnasium.spaces.Box(0, 255, (36, 40, 3), np.uint8)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.mark.parametrize("task", [*curricula.task_ids(), "images"])
def test_observations_lie_as_those_that_a_resume_brings_back(task):
    """A product may round by the order in which a matrix lies in memory: MKL does on Intel's processors."""
    if task == "images":
        env = channels_first(
            BatchedVecEnv(
                gymnasium.vector.SyncVectorEnv([Grating, Grating], autoreset_mode=AutoresetMode.SAME_STEP), seed=0
            )
        )
    else:
        env = BatchedVecEnv(curricula.make_vec(task, 2), seed=0)
    first = env.reset()
    later = env.step(np.stack([env.action_space.sample() for _ in range(2)]))[0]
    assert first.flags.c_contiguous
    assert later.flags.c_contiguous


def test_a_difficulty_waits_for_each_environments_own_next_episode():
    env = BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 2, difficulty=0.5, max_episode_steps=3), seed=0)
    env.reset()
    env.set_difficulty(np.array([0.1, 0.9]))
    for _ in range(2):
        env.step(np.ones(2, dtype=np.int64))
        assert env.difficulty.tolist() == [0.5, 0.5]
    _, _, _, infos = env.step(np.ones(2, dtype=np.int64))
    assert [info["difficulty"] for info in infos] == [0.5, 0.5]
    assert env.difficulty.tolist() == [0.1, 0.9]


@pytest.mark.parametrize("make", [curricula.make_vec, singles])
def test_each_axis_of_an_ended_episode_is_told_and_set(make):
    axes = {"power": {"easy": 2.5}, "goal": {"easy": 0.2}}
    env = BatchedVecEnv(make("lab/MountainCar-v0", 2, axes=axes, max_episode_steps=2), seed=0)
    assert env.axes == ("power", "goal")
    env.set_difficulty(np.array([[0.1, 0.2], [0.3, 0.4]]))
    env.reset()
    env.set_difficulty(0.5)
    told = []
    for _ in range(4):
        *_, infos = env.step(np.ones(2, dtype=np.int64))
        told += [info["difficulties"].tolist() for info in infos if "difficulties" in info]
    assert told == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.5], [0.5, 0.5]]
    assert BatchedVecEnv(singles("CartPole-v1", 2)).axes == ()


def test_env_method_sets_the_difficulty_of_the_chosen_environments_of_a_batch():
    env = BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 3, difficulty=0.5, max_episode_steps=1), seed=0)
    env.reset()
    env.env_method("set_difficulty", 0.25, indices=[0, 2])
    env.step(np.ones(3, dtype=np.int64))
    assert env.difficulty.tolist() == [0.25, 0.5, 0.25]


def test_its_state_continues_in_the_middle_of_episodes():
    first, second = (
        BatchedVecEnv(curricula.make_vec("lab/CartPole-v0", 3, max_episode_steps=20), seed=seed) for seed in (1, 2)
    )
    first.reset(), second.reset()
    for _ in range(30):
        first.step(np.array([0, 1, 0]))
    second.load_state_dict(first.state_dict())
    for _ in range(60):
        (a, ra, da, ia), (b, rb, db, ib) = first.step(np.array([1, 0, 1])), second.step(np.array([1, 0, 1]))
        assert np.array_equal(a, b)
        assert np.array_equal(ra, rb)
        assert np.array_equal(da, db)
        assert [info.get("episode") for info in ia] == [info.get("episode") for info in ib]


def test_single_environments_of_anybody_are_adapted_too():
    env = BatchedVecEnv(singles("Acrobot-v1", 2, max_episode_steps=5), seed=0)
    env.reset()
    assert not env.has_difficulty
    assert not env.exact
    for _ in range(5):
        _, _, dones, infos = env.step(np.array([0, 2]))
    assert dones.all()
    assert infos[1]["episode"] == {"r": -5.0, "l": 5}
    assert infos[1]["TimeLimit.truncated"] is True
    assert "is_success" not in infos[1]


class Told(gymnasium.Env):
    """An episode of as many steps as its first action says; tells its difficulty as it begins."""

    observation_space, action_space = gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(9)
    waiting = 1.0

    def set_difficulty(self, difficulty):
        self.waiting = difficulty

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = None
        return 0, {"difficulty": self.waiting}

    def step(self, action):
        self.left = (int(action) if self.left is None else self.left) - 1
        return 0, 0.0, self.left <= 0, False, {}


def test_single_environments_keep_their_difficulty_while_others_begin_anew():
    env = BatchedVecEnv(gymnasium.vector.SyncVectorEnv([Told] * 2, autoreset_mode=AutoresetMode.SAME_STEP), seed=0)
    env.set_difficulty(np.array([0.25, 0.5]))
    env.reset()
    env.set_difficulty(0.75)
    _, _, _, infos = env.step(np.array([1, 2]))
    assert infos[0]["difficulty"] == 0.25
    assert env.difficulty.tolist() == [0.75, 0.5]
    _, _, _, infos = env.step(np.array([5, 2]))
    assert infos[1]["difficulty"] == 0.5


def test_a_batch_that_resets_a_step_late_is_refused():
    with pytest.raises(UserError, match="SAME_STEP"):
        BatchedVecEnv(singles("CartPole-v1", 2, mode=AutoresetMode.NEXT_STEP))


def test_a_write_that_would_reach_nothing_is_an_error():
    env = BatchedVecEnv(curricula.make_vec("lab/CartPole-v0", 2))
    with pytest.raises(UserError, match="set_difficulty"):
        env.set_attr("difficulty", 0.5)


def test_moments_merged_batch_by_batch_are_those_of_everything():
    rng = np.random.default_rng(0)
    batches = [rng.normal(3.0, 5.0, size=(count, 2)) for count in (1, 7, 100, 2)]
    moments = Moments((2,))
    for batch in batches:
        moments.update(batch)
    everything = np.concatenate(batches)
    assert np.allclose(moments.mean, everything.mean(axis=0), rtol=1e-12)
    assert np.allclose(moments.variance, everything.var(axis=0), rtol=1e-12)
    assert moments.count == len(everything)


def test_observations_become_standard_and_evaluation_sees_the_same_numbers():
    env = Normalised(BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 16), seed=0))
    seen = [env.reset()]
    rng = np.random.default_rng(1)
    seen += [env.step(rng.integers(0, 3, 16))[0] for _ in range(400)]
    late = np.concatenate(seen[200:])
    assert np.all(np.abs(late.mean(axis=0)) < 0.3)
    assert np.all((late.std(axis=0) > 0.7) & (late.std(axis=0) < 1.3))
    before = env.observations.count
    raw = np.array([[-0.5, 0.0]])
    assert np.array_equal(env.standardise(raw), env.standardise(raw))
    assert env.observations.count == before


def test_rewards_are_scaled_but_never_shifted():
    env = Normalised(BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 4), seed=0), rewards=True, gamma=0.99)
    env.reset()
    rewards = np.concatenate([env.step(np.ones(4, dtype=np.int64))[1] for _ in range(300)])
    assert np.all(rewards < 0.0)
    assert -0.5 < rewards[-1] < -0.01


def test_terminal_observations_are_standardised_as_the_others():
    def make():
        return BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 1, max_episode_steps=3), seed=0)

    raw, env = make(), Normalised(make())
    raw.reset(), env.reset()
    for _ in range(3):
        expected, (_, _, _, infos) = raw.step(np.array([2])), env.step(np.array([2]))
    terminal = env.standardise(expected[3][0]["terminal_observation"])
    assert np.array_equal(infos[0]["terminal_observation"], terminal)


def test_the_return_that_scales_rewards_begins_anew_with_each_episode():
    env = Normalised(
        BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 2, max_episode_steps=3), seed=0), rewards=True, gamma=0.5
    )
    env.reset()
    seen = []
    for _ in range(4):
        env.step(np.array([1, 1]))
        seen.append(env.state_dict()["discounted"].tolist())
    assert seen == [[-1.0] * 2, [-1.5] * 2, [0.0] * 2, [-1.0] * 2]


def test_an_end_that_falls_on_the_time_limit_is_no_truncation():
    def end(limit):
        env = BatchedVecEnv(curricula.make_vec("lab/CartPole-v0", 1, max_episode_steps=limit), seed=0)
        env.reset()
        while True:
            _, _, dones, infos = env.step(np.array([1]))
            if dones[0]:
                return infos[0]

    falls_at = end(500)["episode"]["l"]
    assert end(falls_at)["TimeLimit.truncated"] is False
    assert end(falls_at - 1)["TimeLimit.truncated"] is True

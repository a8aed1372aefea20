import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

import curricula
from curricula.pacing import Linear
from curricula.teachers import Paced, Rehearsal, SuccessThreshold, Uniform
from lab.errors import UserError
from lab.phase import Constant, Follower
from rl.hooks import ConductorCallback, CurriculumCallback
from rl.vec_env import BatchedVecEnv

SHORT = {"max_episode_steps": 20}


class Remembering:
    """A teacher that asks for a new difficulty at every draw, and keeps what it is told."""

    def __init__(self):
        self.drawn, self.told = [], []

    @property
    def level(self):
        return 0.25

    def difficulty(self, rng, n):
        self.drawn.append(rng.uniform(size=n))
        return self.drawn[-1]

    def update(self, results):
        self.told.append(results)


def dummy(**options):
    return make_vec_env("lab/MountainCar-v0", 3, env_kwargs={**SHORT, **options}, seed=0)


def batched(**options):
    return BatchedVecEnv(curricula.make_vec("lab/MountainCar-v0", 3, **SHORT, **options), seed=0)


def ppo(env):
    return PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, device="cpu", seed=0)


@pytest.mark.parametrize("make", [dummy, batched, lambda: VecNormalize(dummy()), lambda: VecNormalize(batched())])
def test_every_episode_is_played_at_a_difficulty_the_teacher_asked_for(make):
    teacher = Remembering()
    ppo(make()).learn(192, callback=CurriculumCallback(teacher))
    ended = [results for results in teacher.told if len(results.difficulty)]
    # Episodes of 20 steps end at steps 20, 40, … of every environment; none is played at the environments' own 1.0.
    assert [results.step for results in ended] == [60, 120, 180]
    assert np.array_equal(ended[0].difficulty, teacher.drawn[0])
    for results in ended:
        assert any(np.array_equal(results.difficulty, draw) for draw in teacher.drawn)
        assert results.lengths.tolist() == [20, 20, 20]
        assert results.returns.tolist() == [-20.0, -20.0, -20.0]
        assert results.success.tolist() == [False, False, False]


class Silent(gymnasium.Wrapper):
    """An environment whose info does not say how difficult it is."""

    def step(self, action):
        *rest, info = self.env.step(action)
        return *rest, {key: value for key, value in info.items() if key != "difficulty"}


def test_environments_that_do_not_report_their_difficulty_are_believed_to_have_adopted_it():
    teacher = Remembering()
    env = make_vec_env("lab/MountainCar-v0", 3, env_kwargs=SHORT, seed=0, wrapper_class=Silent)
    ppo(env).learn(192, callback=CurriculumCallback(teacher))
    told = [results.difficulty.tolist() for results in teacher.told if len(results.difficulty)]
    # Draws: before training, at the rollouts' starts (steps 0 and 96), and after the episodes' ends (60, 120, 180).
    assert told == [teacher.drawn[index].tolist() for index in (0, 1, 3)]


def test_episodes_that_run_on_into_another_learn_keep_their_difficulty():
    teacher = Remembering()
    env = make_vec_env("lab/MountainCar-v0", 3, env_kwargs=SHORT, seed=0, wrapper_class=Silent)
    model, callback = ppo(env), CurriculumCallback(teacher)
    model.learn(96, callback=callback)
    model.learn(96, callback=callback, reset_num_timesteps=False)
    told = [(results.step, results.difficulty.tolist()) for results in teacher.told if len(results.difficulty)]
    assert told[:2] == [(60, teacher.drawn[0].tolist()), (120, teacher.drawn[1].tolist())]


def test_a_learn_that_counts_from_zero_again_begins_new_episodes_at_what_the_teacher_asks_for():
    teacher = Remembering()
    model, callback = ppo(dummy()), CurriculumCallback(teacher)
    model.learn(96, callback=callback)
    before = len(teacher.drawn)
    model.learn(96, callback=callback)
    ended = [results for results in teacher.told if len(results.difficulty)]
    assert [results.step for results in ended] == [60, 60]
    assert np.array_equal(ended[1].difficulty, teacher.drawn[before])


@pytest.mark.slow
def test_environments_of_other_processes_play_what_the_teacher_asks_for():
    stories = []
    for kind in (DummyVecEnv, SubprocVecEnv):
        teacher = Remembering()
        env = make_vec_env("curricula:lab/MountainCar-v0", 2, env_kwargs=SHORT, seed=0, vec_env_cls=kind)
        ppo(VecNormalize(env)).learn(192, callback=CurriculumCallback(teacher))
        env.close()
        stories.append([(r.step, r.difficulty.tolist(), r.returns.tolist()) for r in teacher.told if len(r.difficulty)])
    assert stories[0] == stories[1]
    assert len(stories[0]) == 4


def test_tensorboard_shows_the_voices_and_the_difficulty(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    teacher = Remembering()
    env = dummy()
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, device="cpu", tensorboard_log=str(tmp_path))
    curriculum = CurriculumCallback(teacher)
    model.learn(192, callback=[curriculum, ConductorCallback({"learning_rate": Constant(2e-3)})], log_interval=1)
    events = EventAccumulator(str(next(tmp_path.iterdir())))
    events.Reload()
    assert [event.value for event in events.Scalars("curriculum/difficulty")] == [0.25, 0.25]
    assert [event.value for event in events.Scalars("voice/learning_rate")] == pytest.approx([2e-3, 2e-3])


def test_a_batch_and_single_environments_give_the_teacher_the_same_story():
    stories = []
    for env in (dummy(), batched()):
        teacher = Remembering()
        ppo(env).learn(192, callback=CurriculumCallback(teacher, seed=3))
        stories.append([(r.step, r.difficulty.tolist(), r.returns.tolist()) for r in teacher.told if len(r.difficulty)])
    assert stories[0] == stories[1]


def test_success_raises_the_level_and_lowers_the_learning_rate_that_follows_it():
    teacher = SuccessThreshold(threshold=0.5, window=4, step_up=0.25)
    env = BatchedVecEnv(
        curricula.make_vec("lab/CartPole-v0", 4, axes={"length": {"easy": 0.5, "target": 0.6}}, max_episode_steps=4),
        seed=0,
    )
    model, curriculum = ppo(env), CurriculumCallback(teacher)
    follow = Follower("difficulty", low=1e-4, high=5e-4, anti=True)
    model.learn(512, callback=[curriculum, ConductorCallback({"learning_rate": follow}, levels=curriculum.levels)])
    assert teacher.level == 1.0
    assert model.learning_rate == pytest.approx(1e-4)


def test_it_works_with_an_off_policy_agent():
    model = DQN("MlpPolicy", dummy(), learning_starts=30, buffer_size=500, train_freq=4, device="cpu")
    teacher = Remembering()
    model.learn(120, callback=CurriculumCallback(teacher))
    assert sum(len(results.difficulty) for results in teacher.told) == 6


def test_episodes_of_an_off_policy_agent_run_on_into_another_learn():
    teacher = Remembering()
    model = DQN("MlpPolicy", dummy(), learning_starts=30, buffer_size=500, train_freq=4, device="cpu")
    callback = CurriculumCallback(teacher)
    model.learn(48, callback=callback)  # 16 of the 20 steps of an episode
    model.learn(48, callback=callback, reset_num_timesteps=False)
    ended = [results for results in teacher.told if len(results.difficulty)]
    assert [results.step for results in ended] == [60]
    assert ended[0].lengths.tolist() == [20, 20, 20]
    assert np.array_equal(ended[0].difficulty, teacher.drawn[0])
    before = len(teacher.drawn)
    model.learn(60, callback=callback)
    assert np.array_equal(teacher.told[-1].difficulty, teacher.drawn[before])


def test_a_copy_goes_on_with_the_same_draws():
    first, second = CurriculumCallback(Uniform()), CurriculumCallback(Uniform(), seed=9)
    ppo(batched()).learn(96, callback=first)
    second.load_state_dict(first.state_dict())
    draws = [callback.teacher.difficulty(callback._rng, 5) for callback in (first, second)]
    assert np.array_equal(*draws)


@pytest.mark.parametrize("make", [lambda: make_vec_env("CartPole-v1", 2), lambda: gymnasium.make("CartPole-v1")])
def test_environments_without_difficulty_are_refused_when_training_starts(make):
    teacher = Paced(Linear(stop=100))
    with pytest.raises(UserError, match="set_difficulty"):
        ppo(make()).learn(64, callback=CurriculumCallback(teacher))


# -- several axes ------------------------------------------------------------------------------------------------------

TWO = {"power": {"easy": 2.5}, "goal": {"easy": 0.2}}


class RememberingRows(Remembering):
    def difficulty(self, rng, n):
        self.drawn.append(rng.uniform(size=(n, 2)))
        return self.drawn[-1]


def synced(**options):
    options = {"vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP}, **SHORT, **options}
    return BatchedVecEnv(gymnasium.make_vec("lab/MountainCar-v0", 3, vectorization_mode="sync", **options), seed=0)


@pytest.mark.parametrize("make", [dummy, batched, synced, lambda **options: VecNormalize(batched(**options))])
def test_every_axis_of_an_episode_is_what_the_teacher_asked_for(make):
    teacher = RememberingRows()
    curriculum = CurriculumCallback(teacher)
    ppo(make(axes=TWO)).learn(192, callback=curriculum)
    ended = [results for results in teacher.told if len(results.returns)]
    assert [results.step for results in ended] == [60, 120, 180]
    assert np.array_equal(ended[0].difficulty, teacher.drawn[0])
    for results in ended:
        assert any(np.array_equal(results.difficulty, draw) for draw in teacher.drawn)
    assert curriculum.running.shape == (3,)


@pytest.mark.parametrize("make", [dummy, batched])
def test_a_silent_environment_is_believed_on_every_axis(make):
    teacher = RememberingRows()
    env = make(axes=TWO) if make is batched else dummy_silent()
    ppo(env).learn(192, callback=CurriculumCallback(teacher))
    told = [results.difficulty.tolist() for results in teacher.told if len(results.returns)]
    assert told == [teacher.drawn[index].tolist() for index in (0, 1, 3)]


class SilentOnAxes(gymnasium.Wrapper):
    def step(self, action):
        *rest, info = self.env.step(action)
        return *rest, {key: value for key, value in info.items() if not key.startswith("difficult")}


def dummy_silent():
    return make_vec_env("lab/MountainCar-v0", 3, env_kwargs={**SHORT, "axes": TWO}, seed=0, wrapper_class=SilentOnAxes)


@pytest.mark.parametrize("make", [dummy, batched, synced])
def test_more_axes_than_the_task_has_are_refused_in_one_line(make):
    with pytest.raises(UserError, match="^difficulty has .*accepted: one number, .*power.*$"):
        ppo(make()).learn(64, callback=CurriculumCallback(RememberingRows()))


def test_several_axes_go_on_from_a_saved_state():
    first, second = CurriculumCallback(RememberingRows()), CurriculumCallback(RememberingRows(), seed=9)
    first.teacher.state_dict = dict
    second.teacher.load_state_dict = lambda state: None
    ppo(batched(axes=TWO)).learn(96, callback=first)
    second.load_state_dict(first.state_dict())
    assert np.array_equal(second.running, first.running)
    assert np.array_equal(second._waiting, first._waiting)


def test_a_learning_rate_may_follow_the_frontier():
    """Rehearsal lowers the mean difficulty, and leaves the frontier where the inner curriculum is."""
    curriculum = CurriculumCallback(Rehearsal(Paced(Linear(stop=96)), Constant(0.5)))
    follow = Follower("frontier", low=1e-4, high=5e-4, anti=True)
    model = ppo(batched())
    model.learn(192, callback=[curriculum, ConductorCallback({"learning_rate": follow}, levels=curriculum.levels)])
    assert curriculum.levels()["difficulty"] < 0.8
    assert curriculum.levels()["frontier"] == 1.0
    assert model.learning_rate == pytest.approx(1e-4)

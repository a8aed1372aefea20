"""What holds for every task: Gymnasium's own dynamics at difficulty 1, its rules and SB3's, and what success is."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import curricula
from curricula.difficulty import number
from curricula.tasks.registration import task_of
from curricula.tasks.task import limits_of

GYMNASIUM = {
    "lab/Acrobot-v0": "Acrobot-v1",
    "lab/CartPole-v0": "CartPole-v1",
    "lab/MountainCar-v0": "MountainCar-v0",
    "lab/MountainCarContinuous-v0": "MountainCarContinuous-v0",
    "lab/Pendulum-v0": "Pendulum-v1",
}
TASKS = [*GYMNASIUM, "lab/PointMassGate-v0"]
WITH_A_GOAL = {"lab/Acrobot-v0", "lab/MountainCar-v0", "lab/MountainCarContinuous-v0"}


def single(x: object) -> np.ndarray:
    return np.array(x, dtype=np.float32)


def swing(rng: np.random.Generator, observation: np.ndarray) -> np.ndarray:
    """With the motion; throttles beyond the bounds, on them and within."""
    return single([np.copysign(rng.choice([0.4, 1.0, 1.3, rng.random()]), observation[1])])


POLICIES = {
    "lab/Acrobot-v0": lambda rng, o: int(rng.integers(3)) if rng.random() < 0.2 else 2 * int(o[5] >= 0),
    "lab/CartPole-v0": lambda rng, o: int(rng.integers(2)) if rng.random() < 0.2 else int(o[2] + 0.3 * o[3] > 0),
    "lab/MountainCar-v0": lambda rng, o: int(rng.integers(3)) if rng.random() < 0.2 else 2 * int(o[1] >= 0),
    "lab/MountainCarContinuous-v0": swing,
    "lab/Pendulum-v0": lambda rng, o: single(rng.uniform(-2.5, 2.5, 1)),
    "lab/PointMassGate-v0": lambda rng, o: single(rng.uniform(-12, 12, 2)),
}
"""Good enough to reach goals and to survive for a while, random enough to visit much."""

THUMBS = {
    "lab/Acrobot-v0": lambda o: 2 * int(o[5] >= 0),
    "lab/CartPole-v0": lambda o: int(o[2] > 0),
    "lab/MountainCar-v0": lambda o: 2,
    "lab/MountainCarContinuous-v0": lambda o: single([1.0]),
    "lab/Pendulum-v0": lambda o: single(np.clip([-10 * np.arctan2(o[1], o[0]) - 2 * o[2]], -2, 2)),
    "lab/PointMassGate-v0": lambda o: towards(o, 0.0, -3.0),
}
"""One simple rule a task."""


def towards(observation: np.ndarray, x: float, y: float) -> np.ndarray:
    """The force of a damped spring that pulls the point mass to a place."""
    return single(4 * (np.array([x, y]) - observation[[0, 2]]) - 3 * observation[[1, 3]])


def test_every_task_but_the_gate_has_its_twin_in_gymnasium() -> None:
    assert curricula.task_ids() == sorted(TASKS)


@pytest.mark.parametrize("task_id", GYMNASIUM)
def test_difficulty_1_is_gymnasiums_own_task_step_for_step(task_id: str) -> None:
    ours = gym.make(task_id, disable_env_checker=True)
    theirs = gym.make(GYMNASIUM[task_id], disable_env_checker=True)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps
    ended = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, _ = ours.reset(seed=seed)
        b, _ = theirs.reset(seed=seed)
        done = False
        while not done:
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
            action = POLICIES[task_id](rng, a)
            a, reward, terminated, truncated, _ = ours.step(action)
            b, expected, their_end, their_cut, _ = theirs.step(action)
            assert reward == pytest.approx(float(expected), abs=1e-6)
            assert (terminated, truncated) == (their_end, their_cut)
            done = terminated or truncated
        np.testing.assert_array_equal(a, b)
        ended.add(terminated)
    assert task_id not in WITH_A_GOAL or True in ended, "the goal was never reached"


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("difficulty", [0.0, 0.37, 0.5, 1.0])
def test_gymnasiums_checker_is_content(task_id: str, difficulty: float) -> None:
    env = gym.make(task_id, difficulty=difficulty, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The infinite bounds and the range of the torque are those of Gymnasium's own tasks.
        warnings.filterwarnings("ignore", message=".*(infinity|symmetric and normalized|seed|render modes).*")
        check_env(env.unwrapped)


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_sb3s_checker_is_content(task_id: str, difficulty: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized Box action space.*")
        sb3_check_env(gym.make(task_id, difficulty=difficulty))


@pytest.mark.parametrize("task_id", TASKS)
def test_every_axis_is_easier_at_0(task_id: str) -> None:
    """A simple rule of thumb scores better on the easiest task than on the target."""
    scores = {}
    for difficulty in (0.0, 1.0):
        venv = curricula.make_vec(task_id, 64, difficulty=difficulty)
        observation, _ = venv.reset(seed=0)
        score, running = np.zeros(64), np.ones(64, bool)
        while running.any():
            actions = np.stack([np.asarray(THUMBS[task_id](o)) for o in observation])
            observation, reward, terminated, truncated, _ = venv.step(actions)
            score += reward * running
            running &= ~(terminated | truncated)
        scores[difficulty] = score.mean()
    assert scores[0.0] > scores[1.0] + 0.5 * abs(scores[1.0]) ** 0.5


@pytest.mark.parametrize("task_id", TASKS)
def test_a_tasks_own_values_lie_within_its_limits(task_id: str) -> None:
    task = task_of(task_id)
    own = [*task.parameters.items(), *((axis.name, axis.easy) for axis in task.axes)]
    assert limits_of(task).keys() <= task.parameters.keys()
    for name, value in own:
        number(name, value, *limits_of(task).get(name, ()))
    assert all(axis.target == task.parameters[axis.name] for axis in task.axes)


def test_a_difficulty_set_in_an_episode_waits_for_the_next() -> None:
    """Pendulum's gravity and CartPole's pole would otherwise change under the agent's feet."""
    for task_id in curricula.task_ids():
        touched, plain = gym.make(task_id, difficulty=1.0), gym.make(task_id, difficulty=1.0)
        touched.reset(seed=5)
        plain.reset(seed=5)
        touched.unwrapped.set_difficulty(0.0)
        rng = np.random.default_rng(0)
        for _ in range(5):
            action = POLICIES[task_id](rng, np.zeros(7))
            a, b = touched.step(action), plain.step(action)
            np.testing.assert_array_equal(a[0], b[0])
            assert a[4]["difficulty"] == 1.0
        assert touched.reset()[1]["difficulty"] == 0.0


@pytest.mark.parametrize(
    ("task_id", "axes", "change"),
    [
        ("lab/Acrobot-v0", {"torque": {"easy": 3.0, "target": 0.5}}, ("AVAIL_TORQUE", [-0.5, 0.0, 0.5])),
        ("lab/MountainCarContinuous-v0", {"power": {"easy": 4.0, "target": 2.5}}, ("power", 2.5 * 0.0015)),
    ],
    ids=["weak acrobot", "strong car"],
)
def test_another_target_is_one_line_and_gymnasiums_task_changed_alike(task_id: str, axes: dict, change: tuple) -> None:
    ours, theirs = gym.make(task_id, axes=axes), gym.make(GYMNASIUM[task_id])
    setattr(theirs.unwrapped, *change)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        a, b, ended = ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0], False
        while not ended:
            np.testing.assert_array_equal(a, b)
            action = POLICIES[task_id](rng, a)
            a, _, *ends, _ = ours.step(action)
            b, _, *theirs_end, _ = theirs.step(action)
            assert ends == theirs_end
            ended = any(ends)


@pytest.mark.parametrize("task_id", sorted(WITH_A_GOAL))
def test_success_is_reaching_the_goal(task_id: str) -> None:
    env = gym.make(task_id, difficulty=0.0)
    observation, _ = env.reset(seed=0)
    infos, terminated = [], False
    while not terminated:
        observation, _, terminated, truncated, info = env.step(THUMBS[task_id](observation))
        infos.append(info["success"])
        assert not truncated
    assert infos[-1]
    assert not any(infos[:-1])


def test_success_of_cartpole_is_survival_to_the_time_limit() -> None:
    env = gym.make("lab/CartPole-v0", difficulty=0.0, max_episode_steps=10)
    env.reset(seed=0)
    outcomes = [env.step(i % 2) for i in range(10)]
    assert outcomes[-1][3]
    assert outcomes[-1][4]["success"]
    env.reset(seed=0, options={"difficulty": 1.0})
    fallen = False
    while not fallen:
        *_, fallen, truncated, info = env.step(1)
    assert not truncated
    assert not info["success"]


def test_success_of_pendulum_is_holding_it_up() -> None:
    env = gym.make("lab/Pendulum-v0", difficulty=0.0)
    for controlled in (True, False):
        observation, _ = env.reset(seed=1)
        for _ in range(200):
            action = THUMBS["lab/Pendulum-v0"](observation) if controlled else np.zeros(1, np.float32)
            observation, *_, info = env.step(action)
        assert info["success"] is controlled


@pytest.mark.parametrize("task_id", TASKS)
def test_pictures_show_the_state(task_id: str) -> None:
    env = gym.make(task_id, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    assert first.shape == (400, 600, 3)
    assert first.dtype == np.uint8
    for _ in range(8):
        env.step(
            0 if isinstance(env.action_space, gym.spaces.Discrete) else np.ones(env.action_space.shape, np.float32)
        )
    assert (env.render() != first).any()

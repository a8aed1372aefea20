"""Single environments: Gymnasium's own dynamics at difficulty 1, Gymnasium's own rules, and a difficulty that waits."""

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import curricula
from curricula.difficulty import Axis
from curricula.tasks.cartpole import CartPole
from lab.errors import UserError

GYMNASIUM = {
    "lab/CartPole-v0": "CartPole-v1",
    "lab/MountainCar-v0": "MountainCar-v0",
    "lab/Pendulum-v0": "Pendulum-v1",
}


def policy(task_id: str, rng: np.random.Generator, observation: np.ndarray) -> object:
    """Good enough to reach goals and to survive for a while, random enough to visit much."""
    if task_id == "lab/MountainCar-v0":
        return int(rng.integers(3)) if rng.random() < 0.2 else 2 * int(observation[1] >= 0)
    if task_id == "lab/CartPole-v0":
        return int(rng.integers(2)) if rng.random() < 0.2 else int(observation[2] + 0.3 * observation[3] > 0)
    return rng.uniform(-2.5, 2.5, 1).astype(np.float32)


def test_every_task_has_its_twin_in_gymnasium() -> None:
    assert curricula.task_ids() == sorted(GYMNASIUM)


@pytest.mark.parametrize("task_id", GYMNASIUM)
def test_difficulty_1_is_gymnasiums_own_task_step_for_step(task_id: str) -> None:
    ours = gym.make(task_id, disable_env_checker=True)
    theirs = gym.make(GYMNASIUM[task_id], disable_env_checker=True)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    ended = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, _ = ours.reset(seed=seed)
        b, _ = theirs.reset(seed=seed)
        done = False
        while not done:
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
            action = policy(task_id, rng, a)
            a, reward, terminated, truncated, _ = ours.step(action)
            b, expected, their_end, their_cut, _ = theirs.step(action)
            assert reward == pytest.approx(float(expected), abs=1e-6)
            assert (terminated, truncated) == (their_end, their_cut)
            done = terminated or truncated
        np.testing.assert_array_equal(a, b)
        ended.add(terminated)
    assert task_id != "lab/MountainCar-v0" or True in ended, "the goal was never reached"


@pytest.mark.parametrize("task_id", GYMNASIUM)
@pytest.mark.parametrize("difficulty", [0.0, 0.37, 1.0])
def test_gymnasiums_checker_is_content(task_id: str, difficulty: float) -> None:
    env = gym.make(task_id, difficulty=difficulty, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The infinite bounds and the range of the torque are those of Gymnasium's own tasks.
        warnings.filterwarnings("ignore", message=".*(infinity|symmetric and normalized|seed|render modes).*")
        check_env(env.unwrapped)


@pytest.mark.parametrize("task_id", GYMNASIUM)
def test_every_axis_is_easier_at_0(task_id: str) -> None:
    """A simple rule of thumb scores better on the easiest task than on the target."""
    scores = {}
    for difficulty in (0.0, 1.0):
        venv = curricula.make_vec(task_id, 64, difficulty=difficulty)
        observation, _ = venv.reset(seed=0)
        rng, score, running = np.random.default_rng(0), np.zeros(64), np.ones(64, bool)
        while running.any():
            actions = np.stack([np.asarray(_thumb(task_id, rng, o)) for o in observation])
            observation, reward, terminated, truncated, _ = venv.step(actions)
            score += reward * running
            running &= ~(terminated | truncated)
        scores[difficulty] = score.mean()
    assert scores[0.0] > scores[1.0] + 0.5 * abs(scores[1.0]) ** 0.5


def _thumb(task_id: str, rng: np.random.Generator, observation: np.ndarray) -> object:
    if task_id == "lab/MountainCar-v0":
        return 2
    if task_id == "lab/CartPole-v0":
        return int(observation[2] > 0)
    angle = np.arctan2(observation[1], observation[0])
    return np.clip([-10 * angle - 2 * observation[2]], -2, 2).astype(np.float32)


def test_reset_sets_the_difficulty_and_info_reports_it() -> None:
    env = gym.make("lab/MountainCar-v0", difficulty=0.3)
    assert env.reset(seed=0)[1]["difficulty"] == 0.3
    assert env.step(1)[4]["difficulty"] == 0.3
    assert env.reset(options={"difficulty": 0.8})[1]["difficulty"] == 0.8
    assert env.reset()[1]["difficulty"] == 0.8


def test_a_difficulty_set_in_an_episode_waits_for_the_next() -> None:
    """Pendulum's gravity and CartPole's pole would otherwise change under the agent's feet."""
    for task_id in curricula.task_ids():
        touched, plain = gym.make(task_id, difficulty=1.0), gym.make(task_id, difficulty=1.0)
        touched.reset(seed=5)
        plain.reset(seed=5)
        touched.unwrapped.set_difficulty(0.0)
        rng = np.random.default_rng(0)
        for _ in range(5):
            action = policy(task_id, rng, np.zeros(4))
            a, b = touched.step(action), plain.step(action)
            np.testing.assert_array_equal(a[0], b[0])
            assert a[4]["difficulty"] == 1.0
        assert touched.reset()[1]["difficulty"] == 0.0


def test_derived_quantities_follow_the_difficulty() -> None:
    """Gymnasium's CartPole computes total mass and mass moment once, whatever is set later."""
    env = gym.make("lab/CartPole-v0", difficulty=0.0, axes={"mass_pole": {"easy": 0.5, "target": 0.1}})
    env.reset(seed=0, options={"difficulty": 1.0})
    theirs = gym.make("CartPole-v1")
    theirs.reset(seed=0)
    for _ in range(5):
        np.testing.assert_array_equal(env.step(1)[0], theirs.step(1)[0])
    heavy = CartPole().physics(
        {k: np.array([v]) for k, v in CartPole.parameters.items()} | {"mass_pole": np.array([0.5])}
    )
    assert heavy.total_mass.tolist() == [1.5]
    assert heavy.pole_mass_length.tolist() == [0.25]


def test_half_power_mountain_car_is_configuration() -> None:
    env = gym.make("lab/MountainCar-v0", axes={"power": {"easy": 1.0, "target": 0.5}})
    env.reset(seed=0)
    x, v = env.unwrapped.reset(seed=0)[0]
    expected = float(v) + 0.0005 - 0.0025 * np.cos(3 * float(x))
    assert env.step(2)[0][1] == pytest.approx(expected, abs=1e-7)


def test_axes_may_be_made_by_hand() -> None:
    env = gym.make("lab/Pendulum-v0", axes={"gravity": Axis("gravity", 2.0, 10.0)}, difficulty={"gravity": 0.5})
    assert env.reset(seed=0)[1]["difficulty"] == 0.5


def test_success_is_the_goal_of_mountain_car() -> None:
    env = gym.make("lab/MountainCar-v0", difficulty=0.0)
    env.reset(seed=0)
    infos, terminated = [], False
    while not terminated:
        *_, terminated, truncated, info = env.step(2)
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
            action = (
                _thumb("lab/Pendulum-v0", np.random.default_rng(0), observation)
                if controlled
                else np.zeros(1, np.float32)
            )
            observation, *_, info = env.step(action)
        assert info["success"] is controlled


@pytest.mark.parametrize("task_id", GYMNASIUM)
def test_pictures_show_the_state(task_id: str) -> None:
    env = gym.make(task_id, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    assert first.shape == (400, 600, 3)
    assert first.dtype == np.uint8
    for _ in range(8):
        env.step(np.ones(1, np.float32) if "Pendulum" in task_id else 0)
    assert (env.render() != first).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gym.make("lab/MountainCar-v0", difficulty=1.5), r"difficulty is 1.5; accepted: a number in \[0, 1\]"),
        (
            lambda: gym.make("lab/MountainCar-v0", difficulty={"wind": 1.0}),
            "difficulty.wind is no axis; accepted: power",
        ),
        (lambda: gym.make("lab/MountainCar-v0", axes={"wind": {"easy": 1}}), "axes.wind is no parameter of this task"),
        (
            lambda: gym.make("lab/CartPole-v0", disable_env_checker=True).unwrapped.reset(options={"low": 0}),
            "options.low is unknown",
        ),
        (lambda: gym.make("lab/CartPole-v0").unwrapped.set_difficulty(float("nan")), "difficulty is nan"),
        (lambda: curricula.make_vec("lab/MountainCart-v0", 2), r"did you mean lab/MountainCar-v0\?"),
        (lambda: curricula.make_vec("lab/CartPole-v0", 0), "num_envs is 0; accepted: a whole number of at least 1"),
        (lambda: curricula.make_vec("lab/CartPole-v0", 2, max_episode_steps=0), "max_episode_steps is 0"),
        (
            lambda: curricula.make_vec("lab/CartPole-v0", 2, render_mode="human"),
            "render_mode is 'human'; accepted: rgb_array",
        ),
    ],
)
def test_mistakes_are_one_clear_line(call: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "import gymnasium, curricula; env = gymnasium.make('lab/MountainCar-v0', difficulty=0.3)",
        "import gymnasium; env = gymnasium.make('curricula:lab/MountainCar-v0', difficulty=0.3)",
        "import gymnasium\nfrom importlib.metadata import entry_points\n"
        "(entry,) = entry_points(group='gymnasium.envs', name='lab'); entry.load()(); entry.load()()\n"
        "env = gymnasium.make('lab/MountainCar-v0', difficulty=0.3)",
    ],
    ids=["imported", "module in the id", "entry point"],
)
def test_a_fresh_process_finds_the_tasks(code: str) -> None:
    code += "; print(env.reset(seed=0)[1])"
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("{'difficulty': 0.3}", "")


def test_the_specification_survives_json() -> None:
    env = gym.make("lab/CartPole-v0", difficulty=0.5, axes={"force": {"easy": 20.0}})
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])
    np.testing.assert_array_equal(again.step(1)[0], env.step(1)[0])

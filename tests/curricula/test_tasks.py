"""Single environments: a difficulty that waits, parameters as configuration, and mistakes told in one line."""

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import curricula
from curricula.difficulty import Axis
from curricula.tasks.cartpole import CartPole
from lab.errors import UserError


def test_reset_sets_the_difficulty_and_info_reports_it() -> None:
    env = gym.make("lab/MountainCar-v0", difficulty=0.3)
    assert env.reset(seed=0)[1]["difficulty"] == 0.3
    assert env.step(1)[4]["difficulty"] == 0.3
    assert env.reset(options={"difficulty": 0.8})[1]["difficulty"] == 0.8
    assert env.reset()[1]["difficulty"] == 0.8


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
        (
            lambda: gym.make("lab/PointMassGate-v0", axes={"gate_width": {"easy": 4.0, "target": -0.5}}),
            r"axes.gate_width.target is -0.5; accepted: a number in \[0.01, 8\]",
        ),
        (
            lambda: curricula.make_vec("lab/Acrobot-v0", 2, axes={"goal_height": {"easy": 2.5}}),
            r"axes.goal_height.easy is 2.5; accepted: a number in \[-2, 2\]",
        ),
        (
            lambda: gym.make("lab/MountainCarContinuous-v0", axes={"power": {"easy": -1.0}}),
            "axes.power.easy is -1.0; accepted: a number of at least 0",
        ),
        (
            lambda: gym.make("lab/CartPole-v0", axes={"length": {"easy": 1.0, "target": 0.0}}),
            "axes.length.target is 0.0; accepted: a number of at least 0.01",
        ),
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

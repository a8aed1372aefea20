"""The point mass: the published equations, written once more one number at a time, and what its user would notice."""

import math

import gymnasium as gym
import numpy as np
import pytest

import curricula

TASK = "lab/PointMassGate-v0"


def expected(state: list, force: list, gate: float, width: float, friction: float) -> tuple:
    """State after a step of 0.1 s and whether the point has hit the wall, in plain Python."""
    x, vx, y, vy = state
    ax, ay = (1.5 * min(max(float(f), -10.0), 10.0) for f in force)
    for _ in range(10):
        to_x = min(max(x + 0.01 * vx, -4.0), 4.0)
        to_y = min(max(y + 0.01 * vy, -4.0), 4.0)
        vx, vy = vx + 0.01 * (ax - friction * vx), vy + 0.01 * (ay - friction * vy)
        if y >= 0 > to_y or y <= 0 < to_y:
            share = y / (y - to_y)
            wall = share * to_x + (1 - share) * x
            if abs(wall - gate) > width / 2:
                return [wall, 0.0, 0.0, 0.0], True
        x, y = to_x, to_y
    return [x, vx, y, vy], False


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_it_moves_by_the_published_equations(difficulty: float) -> None:
    gate, width, friction = (a * (1 - difficulty) + b * difficulty for a, b in ((0, 2.5), (4.25, 0.5), (2, 0)))
    env, crashes = gym.make(TASK, difficulty=difficulty), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        observation, _ = env.reset(seed=seed)
        state, ended, steps = [0.0, 0.0, 3.0, 0.0], False, 0
        pull = rng.uniform(-6, 6, 2)
        while not ended:
            np.testing.assert_allclose(observation, [*state, gate, width, friction], rtol=1e-6, atol=1e-6)
            force = np.float32(pull + rng.normal(0, 6, 2))
            observation, reward, terminated, truncated, info = env.step(force)
            state, crashed = expected(state, force, gate, width, friction)
            distance = math.hypot(state[0], state[2] + 3)
            assert terminated is crashed
            assert reward == pytest.approx(math.exp(-0.6 * distance), abs=1e-9)
            assert info["success"] is (distance < 0.25)
            steps += 1
            ended = terminated or truncated
        assert truncated is (steps == 100)
        crashes += terminated
    assert crashes


def drive(env: gym.Env, stations: list) -> tuple:
    """Pull the point to one place after the other, until the episode ends; the last step's answer."""
    observation, _ = env.reset(seed=0)
    ended = False
    while not ended:
        place, speed = observation[[0, 2]], observation[[1, 3]]
        if len(stations) > 1 and np.linalg.norm(place - stations[0]) < 0.2:
            stations = stations[1:]
        force = np.float32(4 * (np.array(stations[0]) - place) - 3 * speed)
        observation, *_, terminated, truncated, info = env.step(force)
        ended = terminated or truncated
    return observation, terminated, info


def test_straight_ahead_succeeds_through_the_wide_gate_and_crashes_beside_the_narrow_one() -> None:
    goal = [(0.0, -3.0)]
    observation, crashed, info = drive(gym.make(TASK, difficulty=0.0), goal)
    assert (crashed, info["success"]) == (False, True)
    observation, crashed, info = drive(gym.make(TASK, difficulty=1.0), goal)
    assert (crashed, info["success"]) == (True, False)
    np.testing.assert_array_equal(observation[:4], [0.0, 0.0, 0.0, 0.0])


def test_the_target_can_be_reached_through_its_gate_and_the_wall_is_hard_from_behind_too() -> None:
    round_about = [(2.5, 1.0), (2.5, -1.0)]
    _, crashed, info = drive(gym.make(TASK), [*round_about, (0.0, -3.0)])
    assert (crashed, info["success"]) == (False, True)
    observation, crashed, info = drive(gym.make(TASK), [*round_about, (0.0, -1.0), (0.0, 2.0)])
    assert (crashed, info["success"]) == (True, False)
    assert observation[2] == 0.0


def test_a_crash_in_a_batch_leaves_the_others_alone() -> None:
    batch = curricula.make_vec(TASK, 2, difficulty=np.array([0.0, 1.0]))
    batch.reset(seed=0)
    alone = curricula.make_vec(TASK, 1, difficulty=0.0)
    alone.reset(seed=0)
    down = np.array([[0.0, -10.0]], dtype=np.float32)
    crashed = False
    while not crashed:
        observation, reward, terminated, _, info = batch.step(np.repeat(down, 2, axis=0))
        other, other_reward, *_ = alone.step(down)
        np.testing.assert_array_equal(observation[0], other[0])
        assert reward[0] == other_reward[0]
        crashed = bool(terminated[1])
    assert not terminated[0]
    assert info["final_obs"][1][2] == 0.0


def test_the_variant_without_friction_and_other_gates_are_configuration() -> None:
    env = gym.make(TASK, difficulty=0.0, axes={"gate_position": {"easy": -1.0, "target": 3.0}})
    assert env.reset()[0].tolist() == [0.0, 0.0, 3.0, 0.0, -1.0, 0.5, 0.0]

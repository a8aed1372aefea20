"""Tasks behind extras: Gymnasium's own at difficulty 1, step for step; easier below; one error without the extra."""

import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from curricula.tasks import bipedal_walker
from curricula.tasks.extras import EXTRAS
from lab.errors import UserError

PACKAGES = {"lunar_lander": "Box2D", "bipedal_walker": "Box2D", "mujoco": "mujoco", "minigrid": "minigrid"}


def package(task_id):
    return PACKAGES[EXTRAS[task_id].where.split(":")[0].rpartition(".")[2]]


def made(task_id, **options):
    pytest.importorskip(package(task_id))
    return gym.make(task_id, **options)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """MuJoCo writes its warnings into the current directory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("task_id", EXTRAS)
def test_both_checkers_are_content(task_id, difficulty):
    env = made(task_id, difficulty=difficulty, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they advise of Gymnasium's own spaces
        check_env(env.unwrapped, skip_render_check=True)
        sb3_check_env(env)


def play(env, seed, act, steps=10**6):
    """The last info, and the length and the return of an episode."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    total = 0.0
    for step in range(1, steps + 1):
        _, reward, terminated, truncated, info = env.step(act(env, step))
        total += reward
        if terminated or truncated:
            break
    return info, step, total


def at_random(env, step):
    return env.action_space.sample()


def idle(env, step):
    return np.zeros(env.action_space.shape, np.float32) if env.action_space.shape else 0


@pytest.mark.parametrize("task_id", EXTRAS)
def test_a_missing_extra_is_one_line_that_says_what_to_install(task_id, monkeypatch):
    monkeypatch.setitem(sys.modules, package(task_id), None)
    extra = package(task_id).lower()
    with pytest.raises(UserError, match=rf"needs the extra {extra}; accepted: pip install 'phase-lab\[{extra}\]'$"):
        gym.make(task_id)


def step_for_step(ours, theirs, seeds, steps):
    for seed in seeds:
        a, _ = ours.reset(seed=seed)
        b, _ = theirs.reset(seed=seed)
        ours.action_space.seed(seed)
        for _ in range(steps):
            np.testing.assert_array_equal(a, b)
            action = ours.action_space.sample()
            a, *mine, _ = ours.step(action)
            b, *other, _ = theirs.step(action)
            assert mine == other
            if mine[1] or mine[2]:
                break
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("task_id", EXTRAS)
def test_difficulty_1_is_the_standard_task_step_for_step_whatever_was_played_before(task_id):
    ours = made(task_id, difficulty=0.0)
    play(ours, 99, at_random, 50)
    ours.get_wrapper_attr("set_difficulty")(1.0)
    theirs = gym.make(EXTRAS[task_id].of)
    if package(task_id) == "minigrid":
        from curricula.tasks.minigrid import Flat

        theirs = Flat(theirs)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps
    step_for_step(ours, theirs, range(5), 300)


@pytest.mark.parametrize("task_id", EXTRAS)
def test_the_difficulty_is_told_and_the_specification_survives_json(task_id):
    env = gym.make(EnvSpec.from_json(made(task_id, difficulty=0.25).spec.to_json()))
    observation, info = env.reset(seed=0)
    assert info["difficulty"] == 0.25
    assert observation in env.observation_space
    assert isinstance(env.step(env.action_space.sample())[4]["is_success"], bool)


# -- lunar lander ------------------------------------------------------------------------------------------------------


def test_the_landers_wind_is_gymnasiums_at_1_and_none_at_0():
    axes = {"wind_power": {"easy": 0.0, "target": 15.0}, "turbulence_power": {"easy": 0.0, "target": 1.5}}
    ours = made("lab/LunarLander-v0", axes=axes)
    step_for_step(ours, gym.make("LunarLander-v3", enable_wind=True), range(4), 100)
    ours.get_wrapper_attr("set_difficulty")(0.0)
    step_for_step(ours, gym.make("LunarLander-v3"), range(4), 100)
    always = made("lab/LunarLander-v0", wind_power=10.0)
    step_for_step(always, gym.make("LunarLander-v3", enable_wind=True, wind_power=10.0, turbulence_power=0.0), [0], 100)


def test_a_weaker_gravity_is_easier_for_gymnasiums_own_rule_of_thumb():
    pytest.importorskip("Box2D")
    from gymnasium.envs.box2d.lunar_lander import heuristic

    returns, falls, successes = {}, {}, []
    for difficulty in (0.0, 1.0):
        env = made("lab/LunarLander-v0", difficulty=difficulty)
        falls[difficulty] = np.mean([play(env, seed, idle)[1] for seed in range(10)])
        total = []
        for seed in range(6):
            observation, _ = env.reset(seed=seed)
            done, score = False, 0.0
            while not done:
                observation, reward, terminated, truncated, info = env.step(heuristic(env.unwrapped, observation))
                score, done = score + reward, terminated or truncated
            total.append(score)
            successes.append(info["success"] is bool(reward == 100.0))
        returns[difficulty] = np.mean(total)
    assert falls[0.0] > 1.2 * falls[1.0]
    assert returns[0.0] > returns[1.0] > 200
    assert all(successes)


# -- bipedal walker ----------------------------------------------------------------------------------------------------


def course(seed, **scales):
    rng, blocks = np.random.default_rng(seed), []
    every = dict.fromkeys(("roughness", "stumps", "pits", "stairs"), 0.0)
    heights = bipedal_walker.heights(rng, {**every, **scales}, blocks)
    return [next(heights) for _ in range(bipedal_walker.LENGTH)], blocks


def test_the_walkers_whole_course_is_gymnasiums_at_1():
    ours, theirs = made("lab/BipedalWalker-v0"), gym.make("BipedalWalkerHardcore-v3")
    for seed in range(20):
        ours.reset(seed=seed), theirs.reset(seed=seed)
        a, b = ours.unwrapped, theirs.unwrapped
        assert a.terrain_y == b.terrain_y
        assert a.terrain_x == b.terrain_x
        assert a.terrain_poly == b.terrain_poly
        assert [t.fixtures[0].shape.vertices for t in a.terrain] == [t.fixtures[0].shape.vertices for t in b.terrain]
        assert a.np_random.bit_generator.state == b.np_random.bit_generator.state


def test_the_walkers_course_is_flat_at_0_and_each_scale_raises_its_own():
    heights, blocks = course(3)
    assert set(heights) == {bipedal_walker.GROUND}
    assert blocks == []
    rough, blocks = course(3, roughness=1.0)
    assert len(set(rough)) > 50
    assert blocks == []
    low, high = course(3, stumps=0.5), course(3, stumps=1.0)
    assert set(high[0]) == {bipedal_walker.GROUND}
    tall = [[block[2][1] - block[0][1] for block in blocks] for _, blocks in (low, high)]
    np.testing.assert_allclose(tall[0], np.array(tall[1]) / 2)
    assert min(course(3, pits=0.5)[0]) == pytest.approx(bipedal_walker.GROUND - bipedal_walker.PIT_DEPTH / 2)
    steps = [len(set(np.round(course(seed, stairs=1.0)[0], 6))) for seed in range(5)]
    assert max(steps) > 5


def test_the_same_random_numbers_place_the_same_obstacles_at_every_difficulty():
    ours = made("lab/BipedalWalker-v0")
    states = set()
    for difficulty in (0.0, 0.01, 0.1, 0.5, 1.0):
        ours.reset(seed=5, options={"difficulty": difficulty})
        states.add(str(ours.unwrapped.np_random.bit_generator.state))
        play(ours, 5, at_random, 100)
    assert len(states) == 1


def test_a_walker_that_falls_has_not_arrived():
    env = made("lab/BipedalWalker-v0", difficulty=0.0)
    info, _, _ = play(env, 0, at_random)
    info, length, _ = play(env, 0, at_random)
    assert length < 200, "it did not fall"
    assert info["success"] is False
    env.reset(seed=0)
    for body in (env.unwrapped.hull, *env.unwrapped.legs):
        body.position = (body.position[0] + 86.0, body.position[1])
    *_, terminated, _, info = env.step(idle(env, 0))
    assert (terminated, info["success"]) == (True, True)


# -- mujoco ------------------------------------------------------------------------------------------------------------


def test_a_robots_gravity_friction_and_masses_are_scaled_and_come_back_exactly():
    axes = {"gravity": {"easy": 0.5}, "friction": {"easy": 2.0}, "mass": {"easy": 0.25}}
    env = made("lab/Hopper-v0", axes=axes)
    own = gym.make("Hopper-v5").unwrapped.model
    env.reset(seed=0, options={"difficulty": 0.0})
    model = env.unwrapped.model
    assert model.opt.gravity[2] == -9.81 / 2
    np.testing.assert_array_equal(model.geom_friction, own.geom_friction * 2)
    np.testing.assert_array_equal(model.body_mass, own.body_mass / 4)
    np.testing.assert_allclose(model.body_subtreemass, own.body_subtreemass / 4)  # what the engine derives
    env.reset(options={"difficulty": 1.0})
    for name in ("geom_friction", "body_mass", "body_inertia", "body_subtreemass", "dof_invweight0"):
        np.testing.assert_array_equal(getattr(model, name), getattr(own, name))


def test_weak_gravity_lets_an_idle_hopper_stand_longer_and_a_run_is_metres():
    weak, own = (
        np.mean([play(made("lab/Hopper-v0", difficulty=difficulty), seed, idle)[1] for seed in range(5)])
        for difficulty in (0.0, 1.0)
    )
    assert weak > 1.2 * own
    assert play(made("lab/HalfCheetah-v0", goal=-50.0), 0, idle, 5)[0]["success"]
    assert not play(made("lab/HalfCheetah-v0"), 0, idle, 5)[0]["success"]


def test_any_mujoco_id_can_be_scaled():
    pytest.importorskip("mujoco")
    from curricula.tasks.mujoco import make

    env = make("InvertedPendulum-v5", axes={"gravity": {"easy": 0.1}})
    assert env.reset(seed=0, options={"difficulty": 0.0})[1]["difficulty"] == 0.0
    assert "success" not in env.step(env.action_space.sample())[4]  # it does not run
    with pytest.raises(UserError, match="of is 'CartPole-v1'; accepted: a MuJoCo environment"):
        make("CartPole-v1")


# -- minigrid ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task_id", "sizes", "limits"),
    [("lab/Empty-v0", (5, 6, 8), (100, 144, 256)), ("lab/DoorKey-v0", (5, 6, 8), (250, 360, 640)),
     ("lab/FourRooms-v0", (7, 13, 19), (100, 100, 100))],
)  # fmt: skip
def test_a_grid_grows_with_difficulty(task_id, sizes, limits):
    env = made(task_id)
    for difficulty, size, limit in zip((0.0, 0.5, 1.0), sizes, limits, strict=True):
        env.reset(seed=0, options={"difficulty": difficulty})
        assert (env.unwrapped.grid.width, env.unwrapped.grid.height, env.unwrapped.max_steps) == (size, size, limit)


def test_squares_are_ones_for_what_is_seen():
    env, own = made("lab/DoorKey-v0"), made("lab/DoorKey-v0", observations="own")
    seen, raw = env.reset(seed=3)[0], own.reset(seed=3)[0]
    assert seen.sum() == 7 * 7 * 3 + 1
    squares = seen[:-4].reshape(7, 7, 20)
    np.testing.assert_array_equal(squares[..., :11].argmax(-1), raw["image"][..., 0])
    np.testing.assert_array_equal(squares[..., 11:17].argmax(-1), raw["image"][..., 1])
    np.testing.assert_array_equal(squares[..., 17:].argmax(-1), raw["image"][..., 2])
    assert seen[-4:].argmax() == raw["direction"]


def test_success_in_a_grid_is_the_goal():
    env = made("lab/Empty-v0", difficulty=0.0)
    forward, right = 2, 1
    path = [forward, forward, right, forward, forward]
    info, length, _ = play(env, 0, lambda env, step: path[step - 1])
    assert (length, info["success"]) == (5, True)
    info, length, _ = play(env, 0, lambda env, step: right)
    assert (length, info["success"]) == (100, False)


@pytest.mark.parametrize(
    ("task_id", "options", "message"),
    [
        ("lab/LunarLander-v0", {"axes": {"gravity": {"easy": 1.0}}}, r"axes.gravity.easy is 1.0; accepted: a number"),
        ("lab/LunarLander-v0", {"axes": {"wind_powr": {"easy": 1}}}, r"axes.wind_powr .*did you mean wind_power"),
        ("lab/BipedalWalker-v0", {"axes": {"pits": {"easy": -1}}}, r"pits.easy is -1; accepted: a number in \[0, 3\]"),
        ("lab/Hopper-v0", {"axes": {"mass": {"easy": 0}}}, r"axes.mass.easy is 0; accepted: a number in \[0.05, 20\]"),
        ("lab/Hopper-v0", {"goal": "far"}, "goal is 'far'; accepted: a finite number"),
        ("lab/DoorKey-v0", {"axes": {"size": {"easy": 3}}}, r"axes.size.easy is 3; accepted: a number in \[5, 64\]"),
        ("lab/DoorKey-v0", {"observations": "image"}, "observations is 'image'; accepted: flat, own"),
        ("lab/DoorKey-v0", {"difficulty": 2}, "difficulty is 2"),
    ],
)  # fmt: skip
def test_mistakes_are_one_clear_line(task_id, options, message):
    pytest.importorskip(package(task_id))
    with pytest.raises(UserError, match=message):
        gym.make(task_id, **options)

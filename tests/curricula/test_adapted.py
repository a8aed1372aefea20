"""Somebody's own environment with a difficulty: adopted before its reset, never in mid-episode; no write is lost."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit

import curricula
from curricula import adapt
from curricula.difficulty import Axis
from lab.errors import UserError


class Slide(gym.Env):
    """Slides by ``steep`` a step; ends beyond 10. Its first observation shows how steep it is."""

    observation_space, action_space = gym.spaces.Box(-99.0, 99.0, (2,)), gym.spaces.Discrete(2)
    friction = [0.5, 0.25]  # noqa: RUF012 (what strangers write)
    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, render_mode=None):
        self.steep, self.size, self.name, self.on = 2.0, 8, "slide", True
        self.settings = {"wind": 1.0}
        self.vector = np.array([0.0, 0.0, -9.81])
        self.counts = np.array([1, 2])
        self.halves = np.float32(0.1)
        self.render_mode = render_mode

    @property
    def fixed(self):
        return 3.0

    @property
    def stubborn(self):
        return 3.0

    @stubborn.setter
    def stubborn(self, value):
        pass

    @property
    def positive(self):
        return 1.0

    @positive.setter
    def positive(self, value):
        raise ValueError("must be positive,\nalways")

    def _seen(self):
        return np.array([self.x, self.steep], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.options, self.x, self.started = options, float(self.np_random.random()), self.steep
        return self._seen(), {"mine": 1}

    def step(self, action):
        assert self.steep == self.started, "the slope changed in mid-episode"
        self.x += self.steep + self.settings["wind"]
        return self._seen(), 1.0, self.x > 10, False, {"far": self.x > 12}


STEEP = {"steep": {"easy": 0.5, "target": 2.0}}


def to_the_end(env, limit=99):
    for _ in range(limit):
        *_, terminated, truncated, info = env.step(0)
        if terminated or truncated:
            return info
    raise AssertionError("no end")


# -- when ------------------------------------------------------------------------------------------------------------


def test_the_first_observation_is_already_of_the_new_difficulty_and_the_running_episode_is_left_alone() -> None:
    env = adapt(Slide, STEEP)
    observation, info = env.reset(seed=0)
    assert (observation[1], info) == (2.0, {"mine": 1, "difficulty": 1.0})
    env.set_difficulty(0.0)
    assert (env.difficulty, env.values) == (1.0, {"steep": 2.0})
    assert env.step(0)[4]["difficulty"] == 1.0
    assert to_the_end(env)["difficulty"] == 1.0
    observation, info = env.reset()
    assert (observation[1], info["difficulty"]) == (0.5, 0.0)
    assert to_the_end(env)["difficulty"] == 0.0


def test_a_reset_takes_the_difficulty_from_its_options_and_passes_the_others_on() -> None:
    env = adapt(Slide(), STEEP)
    observation, info = env.reset(options={"difficulty": 0.5, "low": 1})
    assert (observation[1], info["difficulty"], env.unwrapped.options) == (1.25, 0.5, {"low": 1})
    assert env.reset()[1]["difficulty"] == 0.5
    assert env.unwrapped.options is None
    with pytest.raises(UserError, match=r"options.difficulty is 2; accepted: a number in \[0, 1\]"):
        env.reset(options={"difficulty": 2})


class Forgetful(Slide):
    """Its reset sets the slope, and makes a new body."""

    body = None

    def reset(self, *, seed=None, options=None):
        self.steep = 2.0
        self.body = type("Body", (), {"mass": 1.0})()
        self.body.mass = 3.0
        return super().reset(seed=seed)

    def step(self, action):
        self.started = self.steep
        return super().step(action)


def test_a_reset_that_undoes_the_difficulty_is_told_and_has_a_remedy() -> None:
    env = adapt(Forgetful, STEEP, difficulty=0.0)
    with pytest.raises(UserError, match=r"Forgetful.steep is 2.0 after the environment's own reset.*when: after"):
        env.reset(seed=0)
    for env in (
        adapt(Forgetful, STEEP, when="after", difficulty=0.0),
        adapt(Forgetful, {"steep": {"easy": 0.5, "when": "after"}}, difficulty=0.0),
    ):
        env.reset(seed=0)
        before = env.unwrapped.x
        assert env.step(0)[0][0] == pytest.approx(before + 1.5)


def test_what_a_reset_makes_anew_is_found_after_it_every_time() -> None:
    env = adapt(Forgetful, {"body.mass": {"easy": 1.0, "when": "after"}}, difficulty=0.0)
    bodies = []
    for _ in range(2):
        env.reset()
        bodies.append(env.unwrapped.body)
    assert bodies[0] is not bodies[1]
    assert [body.mass for body in bodies] == [1.0, 1.0]
    with pytest.raises(UserError, match="axes.body.mass: NoneType has no 'mass'"):
        adapt(Forgetful, {"body.mass": {"easy": 1.0}})


def test_a_time_limit_around_it_changes_nothing_of_that() -> None:
    env = TimeLimit(adapt(Slide, STEEP, success=lambda episode: episode.length == 3), 3)
    env.reset(seed=0)
    env.get_wrapper_attr("set_difficulty")(0.0)
    info = to_the_end(env)
    assert (info["difficulty"], info["success"], info["is_success"]) == (1.0, True, True)
    assert env.reset()[1]["difficulty"] == 0.0


# -- what ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "easy", "read"),
    [
        ("steep", -1.0, lambda env: env.steep),
        ("settings.wind", 5.0, lambda env: env.settings["wind"]),
        ("vector.2", -1.5, lambda env: env.vector[2]),
        ("friction.1", 0.75, lambda env: env.friction[1]),
    ],
)
def test_a_path_leads_to_where_the_environment_reads(path, easy, read) -> None:
    env = adapt(Slide, {path: {"easy": easy}})
    own = read(env.unwrapped)
    env.reset(options={"difficulty": 0.0})
    assert read(env.unwrapped) == easy
    assert read(Slide()) == own, "another environment was changed"
    env.reset(options={"difficulty": 1.0})
    assert read(env.unwrapped) == own


def test_a_whole_number_stays_one_where_all_three_are_and_a_numpy_number_keeps_its_type() -> None:
    whole = adapt(Slide, {"size": {"easy": 3}})
    sizes = [whole.reset(options={"difficulty": d}) and whole.unwrapped.size for d in (0.0, 0.3, 0.5, 1.0)]
    assert sizes == [3, 4, 6, 8]
    assert {type(size) for size in sizes} == {int}
    broken = adapt(Slide, {"size": {"easy": 3.0}}, difficulty=0.3)
    broken.reset()
    assert broken.unwrapped.size == 4.5
    typed = adapt(Slide, {"halves": {"easy": 0.3}}, difficulty=0.5)
    typed.reset()
    assert isinstance(typed.unwrapped.halves, np.float32)


def test_at_difficulty_1_it_is_the_environment_itself() -> None:
    ours = adapt("Acrobot-v1", {"LINK_MASS_1": {"easy": 0.3}, "AVAIL_TORQUE.0": {"easy": -3.0}})
    theirs = gym.make("Acrobot-v1")
    ours.reset(seed=1, options={"difficulty": 0.0})
    ours.set_difficulty(1.0)
    np.testing.assert_array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    for step in range(200):
        mine, other = ours.step(step % 3), theirs.step(step % 3)
        np.testing.assert_array_equal(mine[0], other[0])
        assert mine[1:4] == other[1:4]


def test_a_function_sets_what_follows_from_an_axis() -> None:
    """CartPole computes total mass and mass moment once; ours computes them at every difficulty."""

    def heavier(env, values):
        env.masspole = values["mass"]
        env.total_mass = env.masspole + env.masscart
        env.polemass_length = env.masspole * env.length

    theirs = adapt("CartPole-v1", {"mass": {"easy": 0.5, "target": 0.1}}, apply=heavier)
    ours = gym.make("lab/CartPole-v0", axes={"mass_pole": {"easy": 0.5, "target": 0.1}})
    for difficulty in (0.0, 0.4, 1.0):
        a, _ = theirs.reset(seed=3, options={"difficulty": difficulty})
        b, _ = ours.reset(seed=3, options={"difficulty": difficulty})
        for step in range(8):
            np.testing.assert_allclose(a, b, rtol=1e-6)
            a, b = theirs.step(step % 2)[0], ours.step(step % 2)[0]
    assert theirs.values == {"mass": 0.1}


def test_a_named_vector_moves_each_axis() -> None:
    env = adapt(Slide, [Axis("steep", 0.5, 2.0), Axis("settings.wind", 0.0, 1.0)])
    env.set_difficulty({"settings.wind": 0.5})
    assert env.reset()[1]["difficulty"] == 0.75
    assert env.values == {"steep": 2.0, "settings.wind": 0.5}


class Gusts(gym.Wrapper):
    """A stranger's wrapper with a number of its own."""

    def __init__(self, env):
        super().__init__(env)
        self.gust = 1.0


class Copies(gym.Wrapper):
    """Keeps a copy of the slope, and uses that."""

    def __init__(self, env):
        super().__init__(env)
        self.steep = env.unwrapped.steep


class Inside(Slide):
    """Hands unknown names on."""

    def __init__(self):
        super().__init__()
        self.engine = type("Engine", (), {"force": 1.0})()

    def __getattr__(self, name):
        if name == "force":
            return self.__dict__["engine"].force
        raise AttributeError(name)


def test_a_number_of_one_wrapper_can_be_an_axis() -> None:
    env = adapt(Gusts(Slide()), {"gust": {"easy": 0.0}}, difficulty=0.0)
    env.reset()
    assert env.env.gust == 0.0


SETTINGS = type("SETTINGS", (), {"wind": 1.0})
Slide.shared = SETTINGS


@pytest.mark.parametrize(
    ("make", "axes", "message"),
    [
        (Slide, {"stepe": {"easy": 1}}, r"Slide has no attribute stepe \(did you mean steep\?\); numbers it has: st"),
        (Slide, {"settings.wnd": {"easy": 1}}, r"dict has no 'wnd' \(did you mean wind\?\); accepted: wind"),
        (Slide, {"vector.3": {"easy": 1}}, "ndarray has no '3'"),
        (Slide, {"vector": {"easy": 1}}, r"vector is an array of shape \[3\]; accepted: one of .*, e.g. vector.0"),
        (Slide, {"name": {"easy": 1}}, "Slide.name is 'slide'; accepted: an attribute that is a number"),
        (Slide, {"on": {"easy": 1}}, "Slide.on is True; accepted: an attribute that is a number"),
        (Slide, {"fixed": {"easy": 1}}, "Slide.fixed cannot be set to 1.0 .AttributeError: .* accepted: an attr"),
        (Slide, {"stubborn": {"easy": 1}}, "Slide.stubborn reads 3.0 after it was set to 1.0; accepted"),
        (Slide, {"positive": {"easy": 0}}, "positive cannot be set to 0.0 .ValueError: must be positive, always"),
        (Slide, {"counts.0": {"easy": 1.5}}, "Slide.counts.0 reads .*1.* after it was set to 1.5"),
        (Slide, {"shared.wind": {"easy": 1.5}}, "all environments share SETTINGS; accepted: an attribute of each"),
        (Inside, {"force": {"easy": 2}}, "Inside.force cannot be set to 2.0 .* by __getattr__"),
        (lambda: Copies(Slide()), STEEP, "Slide and Copies both have steep, and one write would not reach both"),
        (Slide, {"steep": {"easy": "1"}}, "axes.steep.easy is '1'; accepted: a finite number"),
        (Slide, {"steep": {"easy": True}}, "axes.steep.easy is True; accepted: a finite number"),
        (Slide, {"steep": {"target": 1}}, "axes.steep.easy is missing"),
        (Slide, {"steep": {"easy": 1, "whn": "after"}}, "axes.steep.whn is unknown"),
        (Slide, {"steep": {"easy": 1, "when": "later"}}, "axes.steep.when is 'later'; accepted: before"),
        (Slide, {}, "axes is {}; accepted"),
        (Slide, "steep", "axes is 'steep'; accepted"),
        (lambda: curricula.make_vec("lab/CartPole-v0", 2), STEEP, "env is .*; accepted: one Gymnasium environment"),
        ("lab/CartPole-v0", STEEP, r"TaskEnv has a difficulty of its own \(set_difficulty\); accepted: no axes"),
    ],
)  # fmt: skip
def test_what_would_do_nothing_is_one_clear_line_before_anything_runs(make, axes, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        adapt(make, axes)
    assert "\n" not in str(caught.value)


def test_a_trial_at_construction_leaves_everything_as_it_was() -> None:
    env = Slide()
    env.reset(seed=0)
    adapt(env, {"steep": {"easy": 0.5, "target": 4.0}})
    env.step(0)  # asserts that the slope is the same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"apply": "f"}, "apply is 'f'; accepted: a function"),
        ({"when": "soon"}, "when is 'soon'; accepted: before"),
        ({"success": []}, r"success is \[\]; accepted: terminated, a key of info, a least return, or a function"),
        ({"success": True}, "success is True; accepted: a finite number"),
        ({"difficulty": -1}, r"difficulty is -1; accepted: a number in \[0, 1\]"),
        ({"apply": lambda env, values: None, "axes": {"a": {"easy": 1}}}, "axes.a.target is missing"),
    ],
)
def test_mistakes_in_other_arguments_are_one_clear_line(options, message) -> None:
    with pytest.raises(UserError, match=message):
        adapt(Slide, **{"axes": STEEP, **options})


def test_writes_that_would_be_lost_or_come_in_mid_episode_are_refused() -> None:
    env = adapt(Slide, STEEP)
    env.reset()
    for write in (
        lambda: setattr(env, "steep", 1.0),
        lambda: setattr(env, "difficulty", 0.5),
        lambda: env.set_wrapper_attr("steep", 1.0),
        lambda: gym.vector.SyncVectorEnv([lambda: adapt(Slide, STEEP)]).set_attr("steep", [1.0]),
    ):
        with pytest.raises(UserError, match=r"follows the difficulty; accepted: set_difficulty\(d\)"):
            write()
    env.step(0)


# -- success ---------------------------------------------------------------------------------------------------------


class Telling(Slide):
    def step(self, action):
        *rest, _ = super().step(action)
        return *rest, {"success": self.x > 12}


def test_success_is_told_by_info_by_a_key_of_it_or_by_a_function_of_the_episode() -> None:
    def success(env):
        env.reset(seed=0, options={"difficulty": 1.0})
        return to_the_end(env).get("is_success")

    assert success(adapt(Telling, STEEP)) is True
    assert success(adapt(Slide, STEEP)) is None
    assert success(adapt(Slide, STEEP, success="far")) is True
    assert success(adapt(Slide, STEEP, success="terminated")) is True
    assert success(TimeLimit(adapt(Slide, STEEP, success="terminated"), 2)) is False
    assert [success(adapt(Slide, STEEP, success=least)) for least in (4.0, 5)] == [True, False]
    again = adapt(Slide, STEEP, success=lambda e: e.returns == e.length == 4)
    assert [success(again), success(again)] == [True, True]
    assert success(adapt(Slide, STEEP, success=lambda e: e.returns == e.length == 4 and e.terminated)) is True
    assert success(adapt(Slide, STEEP, success=lambda e: e.env.x > 100)) is False
    with pytest.raises(UserError, match="success is 'fra', and an ended episode's info has far"):
        success(adapt(Slide, STEEP, success="fra"))
    with pytest.raises(UserError, match="success answered None; accepted: True or False"):
        success(adapt(Slide, STEEP, success=lambda e: None))


# -- the rest of an environment's interface --------------------------------------------------------------------------


def test_gymnasiums_checker_is_content() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(different from the unwrapped|render modes|not have a `spec`).*")
        check_env(adapt(Slide, STEEP), skip_render_check=True)


class Saved(Slide):
    def state_dict(self):
        return {"x": self.x}

    def load_state_dict(self, state):
        self.x, self.started = state["x"], self.steep


def test_a_state_passes_through_and_goes_on_at_its_own_difficulty() -> None:
    first, second = (adapt(Saved, STEEP, success=lambda e: e.length == 5) for _ in range(2))
    first.reset(seed=0, options={"difficulty": 0.25})
    first.step(0)
    first.set_difficulty(0.75)
    saved = first.state_dict()
    second.reset(seed=1)
    second.load_state_dict(saved)
    while True:
        a, b = first.step(0), second.step(0)
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:] == b[1:]
        if a[2]:
            break
    assert (first.reset()[1], second.reset()[1]) == ({"mine": 1, "difficulty": 0.75},) * 2
    assert not hasattr(adapt(Slide, STEEP), "state_dict")
    assert not adapt(Slide, STEEP).has_wrapper_attr("load_state_dict")

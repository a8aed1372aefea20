"""A package of somebody else's brings tasks and a teacher, from YAML alone; any observations that PPO can take."""

import copy
import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium import spaces

from lab.cli.main import main
from rl.agents import AGENTS
from rl.spaces import refusal

PACKAGE = '''
import gymnasium
import numpy as np
from gymnasium import spaces

from curricula.difficulty import Axis
from curricula.tasks.mountain_car import MountainCar
from curricula.teachers import TeacherConfig
from curricula.teachers.unchanging import Unchanging


class Coin(Unchanging):
    """Every episode is easy or hard."""

    level = 0.5

    def difficulty(self, rng, n):
        return rng.integers(0, 2, n).astype(float)


class CoinCurriculum(TeacherConfig):
    bias: float = 0.5

    def build(self):
        return Coin()


class Hill(MountainCar):
    axes = (Axis("power", easy=3.0, target=1.0),)
    max_episode_steps = 30


class Corridor(gymnasium.Env):
    """Walk to the end; the floor may slip. Shows where one stands, in three ways."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.observation_space = spaces.Dict(
            {"place": spaces.Box(-9.0, 9.0, (2,)), "side": spaces.Discrete(2), "bits": spaces.MultiBinary(3)}
        )
        self.action_space = spaces.MultiDiscrete([2, 2])

    def render(self):
        return np.full((8, 8, 3), 99, np.uint8)

    def _seen(self):
        return {
            "place": np.array([self.x, -self.x], np.float32), "side": int(self.x > 0),
            "bits": np.zeros(3, np.int8),
        }

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = 0.0
        return self._seen(), {}

    def step(self, action):
        self.x += float(action[0]) - 0.4 * float(action[1]) + 0.1 * self.np_random.normal()
        self.x = float(np.clip(self.x, -9, 9))
        return self._seen(), self.x, self.x > 4, False, {}


class SavedCorridor(Corridor):
    def state_dict(self):
        return {"x": self.x}

    def load_state_dict(self, state):
        self.x = state["x"]


class Slope(Corridor):
    """Takes a difficulty and does not say it; an easy one pays for every step."""

    waiting = 1.0

    def set_difficulty(self, difficulty):
        self.waiting = difficulty

    def reset(self, *, seed=None, options=None):
        self.hard = self.waiting
        return super().reset(seed=seed)

    def step(self, action):
        seen, _, _, cut, info = super().step(action)
        return seen, 1.0 - self.hard, False, cut, info


class Told(Slope):
    """Says of success what SB3 reads."""

    def step(self, action):
        seen, reward, done, cut, info = super().step(action)
        return seen, reward, done, cut, {**info, "is_success": True}


class Options(Corridor):
    def reset(self, *, seed=None):
        return super().reset(seed=seed)


class Old(Corridor):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(Corridor):
    def step(self, action):
        seen, reward, done, _, info = super().step(action)
        return seen, reward, done, info


class Misshapen(Corridor):
    def _seen(self):
        return {**super()._seen(), "place": np.zeros(3, np.float32)}


class Unknown(Corridor):
    def _seen(self):
        return {**super()._seen(), "place": np.full(2, np.nan, np.float32)}


class Failing(Corridor):
    def reset(self, *, seed=None, options=None):
        raise FileNotFoundError("no map")


class Blind(Corridor):
    metadata = {"render_modes": ["rgb_array"]}

    def render(self):
        raise NotImplementedError


class Bare:
    pass


gymnasium.register("Toy/Corridor-v0", Corridor, max_episode_steps=20)
gymnasium.register("Toy/Saved-v0", SavedCorridor, max_episode_steps=20)
gymnasium.register("Toy/Slope-v0", Slope, max_episode_steps=20)
for kind in (Told, Options, Old, OldStep, Misshapen, Unknown, Failing, Blind):
    gymnasium.register(f"Toy/{kind.__name__}-v0", kind, max_episode_steps=20)
'''
SETTINGS = {
    "steps": 384,
    "clock": {"period": 128},
    "voices": {"learning_rate": {"wave": "cosine", "low": 1e-4, "high": 1e-3}},
    "n_envs": 4,
    "n_steps": 16,
    "batch_size": 32,
    "n_epochs": 2,
    "hidden": [8],
    "log_every": 64,
    "evaluate_every": 128,
    "checkpoint_every": 128,
    "evaluation": {"difficulties": [0.0], "episodes": 2},
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A current directory with the module ``toy_tasks`` in it."""
    (tmp_path / "toy_tasks.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LAB_RESULTS", str(tmp_path / "results"))
    yield tmp_path
    sys.modules.pop("toy_tasks", None)
    for name in [name for name in gymnasium.registry if name.startswith("Toy/")]:
        gymnasium.registry.pop(name)


def train(name, **changes):
    Path(f"{name}.yaml").write_text(yaml.safe_dump({**SETTINGS, **changes}))
    status = main(["rl", "train", f"{name}.yaml", "--name", name, "--quiet"])
    return status, Path("results/runs") / name


def prolong(run, steps):
    """Resume a finished run to a later end: the one change that a resume accepts."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "steps": steps}))
    return main(["resume", str(run), "--quiet"])


def weights(run):
    (newest,) = sorted((run / "checkpoints").iterdir(), key=lambda path: path.name)[-1:]
    return (newest / "policy.safetensors").read_bytes(), (newest / "optimisers.safetensors").read_bytes()


def metrics(run):
    return (run / "metrics.jsonl").read_text()


OWN = [
    {"task": "toy_tasks:Hill", "curriculum": {"kind": "toy_tasks:CoinCurriculum", "bias": 0.25}},
    {"task": "toy_tasks:Toy/Saved-v0"},
]


@pytest.mark.parametrize("brought", OWN, ids=lambda brought: brought["task"])
def test_a_task_and_a_teacher_of_a_users_package_train_and_resume_exactly(package, brought, capsys):
    status, whole = train("whole", **brought)
    assert status == 0, capsys.readouterr().err
    assert train("halved", **{**brought, "steps": 192})[0] == 0
    assert prolong(whole.parent / "halved", 384) == 0
    halved = whole.parent / "halved"
    assert weights(halved) == weights(whole)
    assert metrics(halved).splitlines()[-1] == metrics(whole).splitlines()[-1]
    assert "episodes_restarted" not in (halved / "events.jsonl").read_text()
    own = json.loads((whole / "provenance.json").read_text())
    assert "toy_tasks" in json.dumps(own)


def test_a_gymnasium_task_of_dictionaries_trains_evaluates_exports_and_says_that_it_restarts(package, capsys):
    changes = {"task": "toy_tasks:Toy/Corridor-v0"}
    assert train("short", **{**changes, "steps": 128})[0] == 0
    with pytest.warns(UserWarning, match="begins new episodes and is not bit-identical"):
        assert prolong(Path("results/runs/short"), 256) == 0
    events = [json.loads(line) for line in Path("results/runs/short/events.jsonl").read_text().splitlines()]
    assert [(e["step"], e["task"]) for e in events if e["kind"] == "episodes_restarted"] == [
        (128, "toy_tasks:Toy/Corridor-v0")
    ]
    capsys.readouterr()
    assert main(["rl", "evaluate", "short", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert np.isfinite(score["return"])
    assert main(["rl", "export", "short", "--out", "agent.zip"]) == 0
    saved = json.loads(Path("agent.normalisation.json").read_text())
    assert list(saved) == ["place"]
    assert len(saved["place"]["mean"]) == 2
    assert main(["rl", "watch", "short", "--out", "film.gif"]) == 0
    assert Path("film.gif").stat().st_size > 0


def test_what_a_resume_will_do_is_said_at_the_start(package, capsys):
    with pytest.warns(UserWarning, match="Corridor-v0 cannot save its state: a resume will begin new episodes"):
        assert train("short", task="toy_tasks:Toy/Corridor-v0", steps=64)[0] == 0
    first = json.loads(Path("results/runs/short/events.jsonl").read_text().splitlines()[0])
    assert (first["kind"], first["step"]) == ("warning", 0)
    assert train("exact", task="toy_tasks:Toy/Saved-v0", steps=64)[0] == 0
    assert "resume" not in Path("results/runs/exact/events.jsonl").read_text()


def test_success_in_sb3s_word_moves_a_teacher(package):
    teacher = {"kind": "success_threshold", "window": 2, "step_up": 0.5}
    _, run = train("told", task="toy_tasks:Toy/Told-v0", curriculum=teacher, steps=512, max_episode_steps=20)
    last = json.loads(metrics(run).splitlines()[-1])
    assert last["rollout/success"] == 1.0
    assert last["curriculum/difficulty"] == 1.0


def test_an_environment_that_cannot_draw_is_one_line(package, capsys):
    assert train("blind", task="toy_tasks:Toy/Blind-v0", steps=64)[0] == 0
    capsys.readouterr()
    assert main(["rl", "watch", "blind", "--out", "film.gif"]) == 2
    assert "draws no picture" in capsys.readouterr().err


def test_a_gymnasium_task_with_a_difficulty_is_taught_and_filmed_at_it(package, capsys):
    status, run = train("taught", task="toy_tasks:Toy/Slope-v0", curriculum="uniform", steps=128)
    assert status == 0
    rows = [json.loads(line) for line in metrics(run).splitlines()]
    assert all(0.0 < row["curriculum/difficulty"] < 1.0 for row in rows)
    assert rows[-1]["evaluation/return/0.00"] == 20.0
    assert rows[-1]["evaluation/return"] == 0.0
    capsys.readouterr()
    for level, total in (("0", "20.0"), ("0.5", "10.0"), ("1", "0.0")):
        assert main(["rl", "watch", "taught", "--difficulty", level, "--out", "film.gif"]) == 0
        assert f"20 steps at difficulty {level}, return {total}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "toy_tasks:Toy/Nothing-v0"}, "Nothing"),
        ({"task": "toy_tasks:Bare"}, "has no parameters, axes"),
        ({"task": "toy_tasks:Corridor"}, "an environment's class; accepted: a registered Gymnasium id"),
        ({"task": "toy_tasks:Hill", "axes": {"pwer": {"easy": 1.0}}}, "did you mean power?"),
        ({"task": "toy_tasks:Toy/Saved-v0", "curriculum": {"kind": "toy_tasks:CoinCurriculum"}}, "no set_difficulty"),
        ({"task": "toy_tasks:Hill", "curriculum": {"kind": "toy_tasks:Coin"}}, "subclass of curricula.teachers.part"),
        ({"task": "toy_tasks:Hill", "curriculum": {"kind": "toy_tasks:CoinCurriculum", "bais": 1}}, "mean 'bias'"),
        ({"task": "toy_tasks:Toy/Options-v0"}, "cannot be played: TypeError"),
        ({"task": "toy_tasks:Toy/Old-v0"}, "cannot be played: "),
        ({"task": "toy_tasks:Toy/OldStep-v0"}, "cannot be played: "),
        ({"task": "toy_tasks:Toy/Misshapen-v0"}, "cannot be played: "),
        ({"task": "toy_tasks:Toy/Unknown-v0"}, "is not finite"),
        ({"task": "toy_tasks:Toy/Failing-v0"}, "cannot be played: FileNotFoundError: no map"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_run(package, capsys, changes, told):
    status, run = train("wrong", **changes)
    error = capsys.readouterr().err
    assert status == 2
    assert told in error
    assert error.count("\n") == 1
    assert not run.exists()


def test_frozen_lake_trains_and_evaluates(package, capsys):
    assert train("lake", task="FrozenLake-v1", max_episode_steps=20, steps=128)[0] == 0
    capsys.readouterr()
    assert main(["rl", "evaluate", "lake", "--json"]) == 0
    assert 0.0 <= json.loads(capsys.readouterr().out)["scores"][0]["return"] <= 1.0


FLAT, NUMBER = spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3)
IMAGE = spaces.Box(0, 255, (40, 44, 3), np.uint8)
ACCEPTED = [
    (FLAT, NUMBER),
    (NUMBER, FLAT),
    (spaces.MultiBinary(3), spaces.MultiBinary(2)),
    (spaces.MultiDiscrete([2, 3]), spaces.MultiDiscrete([2, 3])),
    (IMAGE, NUMBER),
    (spaces.Dict({"a": FLAT, "b": NUMBER, "c": spaces.MultiDiscrete([2, 3]), "d": IMAGE}), NUMBER),
]


class Noise(gymnasium.Env):
    """Observations at random; refuses actions that are not of its space."""

    def __init__(self, observations, actions):
        self.observation_space, self.action_space = copy.deepcopy(observations), actions

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        return self.observation_space.sample(), 1.0, False, False, {}


@pytest.mark.parametrize(("observations", "actions"), ACCEPTED, ids=lambda space: type(space).__name__)
def test_every_kind_of_space_trains_and_acts(make_trainer, observations, actions):
    gymnasium.register("Noise-v0", lambda: Noise(observations, actions))
    try:
        trainer = make_trainer(task="Noise-v0", curriculum="none", n_steps=16, max_episode_steps=10)
        trainer.advance(128)
        assert trainer.evaluate()["evaluation/return"] == 10.0
        assert trainer.metrics()["rollout/length"] == 10.0
    finally:
        gymnasium.registry.pop("Noise-v0")


@pytest.mark.parametrize(
    ("observations", "actions", "told"),
    [
        *((observations, actions, None) for observations, actions in ACCEPTED),
        (spaces.Dict({"a": spaces.Box(0, 255, (20, 20, 3), np.uint8)}), NUMBER, "images of 20 × 20 pixels"),
        (spaces.Dict({"a": spaces.Dict({"b": FLAT})}), NUMBER, "'a' are Dict"),
        (spaces.Tuple((FLAT,)), NUMBER, "its observations are Tuple"),
        (spaces.Box(-1.0, 1.0, ()), NUMBER, "a Box without axes"),
        (spaces.Discrete(3, start=1), NUMBER, "Discrete not counted from 0"),
        (FLAT, spaces.Discrete(3, start=-1), "its actions are Discrete not counted from 0"),
        (FLAT, spaces.Dict({"a": NUMBER}), "its actions are Dict"),
        (FLAT, spaces.Box(-np.inf, np.inf, (1,)), "a Box without finite bounds"),
        (FLAT, spaces.Box(0, 3, (1,), np.int64), "a Box of int64"),
        (FLAT, spaces.MultiBinary([2, 2]), "MultiBinary of several axes"),
    ],
)
def test_spaces_that_ppo_cannot_take_are_refused_in_words(observations, actions, told):
    reason = refusal(observations, actions)
    assert reason is None if told is None else told in reason


def test_a_recurrent_agent_is_refused_actions_that_its_buffer_cannot_hold():
    reason = refusal(FLAT, spaces.MultiBinary(2), "recurrent_ppo", AGENTS.named("recurrent_ppo").actions)
    assert reason is not None
    assert "MultiBinary, in which recurrent_ppo cannot act; accepted: Box, Discrete, MultiDiscrete" in reason

"""A stranger's environment, whose package knows nothing of this one, is taught: from YAML alone, and in a script."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from curricula import adapt
from lab.cli.main import main
from rl.vec_env import BatchedVecEnv

PACKAGE = '''
import gymnasium
import numpy as np
from gymnasium import spaces


class Crossing(gymnasium.Env):
    """Reach the other bank within 25 steps; by chance alone only a narrow river is crossed."""

    observation_space = spaces.Dict({"place": spaces.Box(-50.0, 50.0, (1,)), "width": spaces.Box(0.0, 50.0, (1,))})
    action_space = spaces.Discrete(3)

    def __init__(self, render_mode=None):
        self.width = 12.0
        self.label = "river"

    def _seen(self):
        return {name: np.array([value], np.float32) for name, value in (("place", self.x), ("width", self.width))}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.began_with = 0.0, self.width
        return self._seen(), {}

    def step(self, action):
        assert self.width == self.began_with, "the river changed its width in mid-crossing"
        self.x += float(action) - 1.0 + 0.2 * float(self.np_random.normal())
        over = self.x >= self.width
        return self._seen(), float(over), over, False, {"is_success": over}


class SavedCrossing(Crossing):
    def state_dict(self):
        return {"x": self.x}

    def load_state_dict(self, state):
        self.x, self.began_with = state["x"], self.width


gymnasium.register("Stranger/Crossing-v0", Crossing, max_episode_steps=25)
gymnasium.register("Stranger/Saved-v0", SavedCrossing, max_episode_steps=25)
'''
AXES = {"width": {"easy": 1, "target": 12}}
SETTINGS = {
    "task": "strange_tasks:Stranger/Crossing-v0",
    "axes": AXES,
    "curriculum": {"kind": "success_threshold", "window": 20, "step_up": 0.25},
    "steps": 6_144,
    "clock": {"period": 4096},
    "voices": {"learning_rate": 3e-3},
    "n_envs": 8,
    "n_steps": 64,
    "batch_size": 128,
    "n_epochs": 4,
    "hidden": [16],
    "log_every": 1024,
    "evaluate_every": 6_144,
    "checkpoint_every": 6_144,
    "evaluation": {"difficulties": [0.0], "episodes": 5},
}
SCRIPT = """
import strange_tasks
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from curricula import adapt
from curricula.teachers import SuccessThreshold
from rl.hooks import CurriculumCallback

def make():
    return adapt("Stranger/Crossing-v0", {"width": {"easy": 1, "target": 12}})

curriculum = CurriculumCallback(SuccessThreshold(window=20, step_up=0.25))
model = PPO("MultiInputPolicy", make_vec_env(make, n_envs=8, seed=0), n_steps=64, learning_rate=3e-3, seed=0)
model.learn(6_144, callback=curriculum)
print(curriculum.teacher.level, sum(model.ep_success_buffer) / len(model.ep_success_buffer))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A current directory with the module ``strange_tasks`` in it."""
    (tmp_path / "strange_tasks.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LAB_RESULTS", str(tmp_path / "results"))
    yield tmp_path
    sys.modules.pop("strange_tasks", None)
    for name in ("Stranger/Crossing-v0", "Stranger/Saved-v0"):
        gymnasium.registry.pop(name, None)


def train(name, **changes):
    Path(f"{name}.yaml").write_text(yaml.safe_dump({**SETTINGS, **changes}))
    return main(["rl", "train", f"{name}.yaml", "--name", name, "--quiet"]), Path("results/runs") / name


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


# -- from YAML alone -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_strangers_environment_is_taught_from_yaml_alone(package, capsys):
    status, taught = train("taught")
    assert status == 0, capsys.readouterr().err
    assert train("untaught", curriculum="none")[0] == 0
    difficulties = [row["curriculum/difficulty"] for row in rows(taught) if "curriculum/difficulty" in row]
    assert difficulties[0] < 0.2
    assert difficulties[-1] == 1.0
    assert rows(taught)[-1]["evaluation/success"] == 1.0
    assert rows(taught.parent / "untaught")[-1]["evaluation/success"] == 0.0
    capsys.readouterr()
    assert main(["rl", "evaluate", "taught", "--json"]) == 0
    target = json.loads(capsys.readouterr().out)["scores"][-1]
    assert (target["difficulty"], target["success"]) == (1.0, 1.0)


def test_an_ordinary_gymnasium_id_takes_axes_too(package):
    axes = {"LINK_MASS_1": {"easy": 0.2}, "AVAIL_TORQUE.2": {"easy": 4.0}}
    small = {"steps": 512, "evaluate_every": 512, "checkpoint_every": 512, "log_every": 512, "max_episode_steps": 20}
    judged = {"task": "Acrobot-v1", "axes": axes, "curriculum": "uniform", "success": -19.5}
    status, run = train("acrobot", **judged, **small)
    assert status == 0
    assert rows(run)[-1]["evaluation/success"] == 0.0
    assert 0.0 < rows(run)[-1]["curriculum/difficulty"] < 1.0


@pytest.mark.parametrize(
    ("task", "needs", "axes"),
    [
        ("lab/LunarLander-v0", "Box2D", {"wind_power": {"easy": 0.0, "target": 10.0}}),
        ("lab/BipedalWalker-v0", "Box2D", {}),
        ("curricula:lab/Hopper-v0", "mujoco", {"mass": {"easy": 0.5}}),
        ("lab/DoorKey-v0", "minigrid", {"size": {"easy": 5, "target": 6}}),
    ],
)
def test_tasks_behind_extras_are_trained_with_their_own_axes_or_those_of_the_file(package, capsys, task, needs, axes):
    pytest.importorskip(needs)
    small = {"steps": 512, "evaluate_every": 512, "checkpoint_every": 512, "log_every": 512, "max_episode_steps": 30}
    status, run = train("extra", task=task, axes=axes, **small)
    assert status == 0, capsys.readouterr().err
    assert rows(run)[-1]["curriculum/difficulty"] < 1.0
    assert 0.0 <= rows(run)[-1]["evaluation/success"] <= 1.0


def test_a_missing_extra_is_told_before_training(package, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "Box2D", None)
    status, run = train("wrong", task="lab/LunarLander-v0", axes={})
    error = capsys.readouterr().err
    assert (status, error.count("\n"), run.exists()) == (2, 1, False)
    assert "pip install 'phase-lab[box2d]'" in error


def test_where_the_environment_has_a_state_a_resume_is_exact(package):
    short = {
        "task": "strange_tasks:Stranger/Saved-v0",
        "evaluate_every": 512,
        "checkpoint_every": 512,
        "log_every": 512,
    }
    status, whole = train("whole", **short, steps=1024)
    assert status == 0
    assert train("halved", **short, steps=512)[0] == 0
    halved = whole.parent / "halved"
    config = yaml.safe_load((halved / "config.yaml").read_text())
    (halved / "config.yaml").write_text(yaml.safe_dump({**config, "steps": 1024}))
    assert main(["resume", str(halved), "--quiet"]) == 0
    assert "episodes_restarted" not in (halved / "events.jsonl").read_text()
    for name in ("policy.safetensors", "optimisers.safetensors", "state.json"):
        ends = [max((run / "checkpoints").iterdir()) / name for run in (whole, halved)]
        assert ends[0].read_bytes() == ends[1].read_bytes(), name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"axes": {"widht": {"easy": 1}}}, "Crossing has no attribute widht (did you mean width?)"),
        ({"axes": {"label": {"easy": 1}}}, "Crossing.label is 'river'; accepted: an attribute that is a number"),
        ({"axes": {"width": {"easy": "one"}}}, "axes.width.easy is 'one'; accepted: a finite number"),
        ({"axes": {"width": 1}}, "axes.width is 1"),
        (
            {"axes": {}},
            "no set_difficulty; accepted: {kind: none}, or axes: {attribute of the environment: {easy: number}}",
        ),
        ({"task": "Acrobot-v1"}, "AcrobotEnv has no attribute width"),
        (
            {"task": "lab/MountainCar-v0", "axes": {}, "success": "terminated"},
            "success 'terminated': lab/MountainCar-v0 says",
        ),
        ({"success": [1]}, "success"),
        ({"task": "lab/LunarLnder-v0"}, "did you mean lab/LunarLander-v0?"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_run(package, capsys, changes, told):
    status, run = train("wrong", **changes)
    error = capsys.readouterr().err
    assert status == 2
    assert told in error
    assert "cannot be made" not in error
    assert error.count("\n") == 1
    assert not run.exists()


# -- in a script -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fifteen_lines_of_plain_sb3_teach_it(package):
    assert len([line for line in SCRIPT.splitlines() if line.strip()]) <= 15
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=env, timeout=200)
    assert done.returncode == 0, done.stderr
    level, success = map(float, done.stdout.split())
    assert level == 1.0
    assert success > 0.8


class Steep(gymnasium.Env):
    """Three steps, in which the slope must not change; the observation is the slope that the episode began with."""

    observation_space, action_space = gymnasium.spaces.Box(0.0, 9.0, (1,)), gymnasium.spaces.Discrete(2)
    slope = 4.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.began_with, self.left = self.slope, 3
        return np.array([self.slope], np.float32), {}

    def step(self, action):
        assert self.slope == self.began_with
        self.left -= 1
        return np.array([self.slope], np.float32), 1.0, self.left == 0, False, {"success": self.slope < 1}


def steep():
    return adapt(Steep, {"slope": {"easy": 0.0, "target": 4.0}})


def batched(count):
    return BatchedVecEnv(SyncVectorEnv([steep] * count, autoreset_mode=AutoresetMode.SAME_STEP), seed=0)


@pytest.mark.parametrize(
    "make", [lambda n: DummyVecEnv([steep] * n), partial(SubprocVecEnv, start_method="fork"), batched],
    ids=["dummy", "subprocesses", "batched"],
)  # fmt: skip
def test_sb3s_environments_set_the_difficulty_of_the_next_episode_of_each(make):
    env = make([steep] * 2) if isinstance(make, partial) else make(2)
    try:
        assert env.has_attr("set_difficulty") or env.has_difficulty
        env.reset()
        env.env_method("set_difficulty", 0.25, indices=1)
        for _ in range(2):
            assert env.step(np.zeros(2, int))[0].tolist() == [[4.0], [4.0]]
        observations, _, dones, infos = env.step(np.zeros(2, int))
        assert dones.all()
        assert observations.tolist() == [[4.0], [1.0]]
        assert [info["difficulty"] for info in infos] == [1.0, 1.0]
        env.env_method("set_difficulty", 0.0, indices=[0])
        for _ in range(3):
            _, _, _, infos = env.step(np.zeros(2, int))
        assert [info["difficulty"] for info in infos] == [1.0, 0.25]
        for _ in range(3):
            _, _, _, infos = env.step(np.zeros(2, int))
        assert [(info["difficulty"], info["is_success"]) for info in infos] == [(0.0, True), (0.25, False)]
    finally:
        env.close()


@pytest.mark.parametrize("make", [SyncVectorEnv, AsyncVectorEnv])
def test_gymnasiums_vector_environments_set_the_difficulty_of_the_next_episodes(make):
    env = make([steep] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        env.reset(seed=0)
        env.call("set_difficulty", 0.5)
        for _ in range(3):
            observations, *_, info = env.step(np.zeros(2, int))
        assert observations.tolist() == [[2.0], [2.0]]
        assert info["difficulty"].tolist() == [0.5, 0.5]
        assert info["final_info"]["difficulty"].tolist() == [1.0, 1.0]
        assert env.call("difficulty") == (0.5, 0.5)
    finally:
        env.close()

"""A masked agent takes what the environment allows and nothing else, in a stranger's environment, from YAML."""

import json
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
import yaml
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from lab.cli.main import main
from lab.errors import UserError
from lab.training.config import resolve
from lab.training.run import Run
from rl import environments
from rl.agents import AGENTS
from rl.commands import load
from rl.config import RlConfig
from rl.masks import allowed

sb3_contrib = pytest.importorskip("sb3_contrib")

PACKAGE = '''
import gymnasium
import numpy as np
from gymnasium import spaces


class Cards(gymnasium.Env):
    """Play four cards, each once, the dealer having taken one; the higher before the lower is worth a point."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = spaces.Box(0.0, 1.0, (4,))
    action_space = spaces.Discrete(4)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def _seen(self):
        return self.left.astype(np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = np.ones(4, bool)
        self.left[self.np_random.integers(4)] = False
        return self._seen(), {}

    def action_masks(self):
        return self.left.copy()

    def step(self, action):
        assert self.left[action], "a card was played that is not there"
        highest = action == np.flatnonzero(self.left).max()
        self.left[action] = False
        return self._seen(), float(highest), not self.left.any(), False, {}

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


class SavedCards(Cards):
    def state_dict(self):
        return {"left": self.left.copy()}

    def load_state_dict(self, state):
        self.left = np.array(state["left"], bool)


class Pairs(Cards):
    """Two cards at a time: one of the lower two, or none; and one of the upper two, or the last where none is left."""

    observation_space = spaces.Dict({"left": spaces.Box(0.0, 1.0, (4,)), "steps": spaces.Discrete(9)})
    action_space = spaces.MultiDiscrete([3, 2])

    def _seen(self):
        return {"left": self.left.astype(np.float32), "steps": self.steps}

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return super().reset(seed=seed)

    def action_masks(self):
        return np.concatenate([self.left[:2], [True], self.left[2:] | [False, not self.left[2:].any()]])

    def step(self, action):
        card, switch = action
        assert self.action_masks()[[card, 3 + switch]].all()
        self.left[2 + switch] = False
        self.left[card] &= card == 2
        self.steps += 1
        return self._seen(), 1.0, False, self.steps == 6, {}


class NoneLeft(Cards):
    def action_masks(self):
        return self.left & False


class TooMany(Cards):
    def action_masks(self):
        return np.ones(5, bool)


for kind in (Cards, SavedCards, Pairs, NoneLeft, TooMany):
    gymnasium.register(f"Stranger/{kind.__name__}-v0", kind)
'''
AGENT = {"agent": "maskable_ppo", "n_steps": 16, "batch_size": 32, "n_epochs": 4, "hidden": [16]}
SETTINGS = {
    "task": "card_tasks:Stranger/SavedCards-v0",
    "agent": AGENT,
    "steps": 1024,
    "clock": {"period": 256},
    "voices": {"learning_rate": {"wave": "cosine", "low": 1e-3, "high": 2e-2}},
    "n_envs": 4,
    "ensemble_size": 2,
    "normalise_observations": True,
    "log_every": 128,
    "evaluate_every": 512,
    "checkpoint_every": 512,
    "evaluation": {"episodes": 20},
}


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A current directory with the module ``card_tasks`` in it."""
    (tmp_path / "card_tasks.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LAB_RESULTS", str(tmp_path / "results"))
    yield tmp_path
    sys.modules.pop("card_tasks", None)
    for name in [name for name in gymnasium.registry if name.startswith("Stranger/")]:
        del gymnasium.registry[name]


def train(name, **changes):
    Path(f"{name}.yaml").write_text(yaml.safe_dump({**SETTINGS, **changes}))
    return main(["rl", "train", f"{name}.yaml", "--name", name, "--quiet"]), Path("results/runs") / name


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights(policy):
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


@pytest.mark.slow
def test_nothing_that_is_not_allowed_is_done_in_training_evaluation_and_films(capsys) -> None:
    """The environment itself would end the run."""
    status, run = train("cards")
    assert status == 0, capsys.readouterr().err
    assert rows(run)[-1]["evaluation/return"] > 2.5  # of 3
    for policy in ("last", "best", "ensemble"):
        capsys.readouterr()
        assert main(["rl", "evaluate", "cards", "--policy", policy, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["scores"][0]["length"] == 3.0
        assert main(["rl", "watch", "cards", "--policy", policy, "--out", "film.gif"]) == 0
        assert "3 steps" in capsys.readouterr().out


def test_other_actions_and_observations_have_masks_too() -> None:
    assert train("pairs", task="card_tasks:Stranger/Pairs-v0")[0] == 0


def test_without_masks_the_same_run_does_what_is_not_allowed() -> None:
    with pytest.raises(AssertionError, match="a card was played that is not there"):
        train("unmasked", agent={**AGENT, "agent": "ppo"})


def test_masks_are_those_of_the_state_that_an_episode_begins_in() -> None:
    env = environments.build(resolve(RlConfig, SETTINGS), 3, seed=0)
    observations, ended = env.reset(), 0
    for _ in range(30):
        assert np.array_equal(env.action_masks(), observations.astype(bool))
        assert np.array_equal(np.stack(env.env_method("action_masks", indices=[2, 0])), env.action_masks()[[2, 0]])
        observations, _, dones, _ = env.step(env.action_masks().argmax(axis=1))
        ended += int(dones.sum())
    assert ended == 30


def test_a_resume_is_exact_where_the_environment_has_a_state() -> None:
    status, whole = train("whole")
    assert status == 0
    assert train("halved", steps=576)[0] == 0  # amid episodes
    halved = whole.parent / "halved"
    config = yaml.safe_load((halved / "config.yaml").read_text())
    (halved / "config.yaml").write_text(yaml.safe_dump({**config, "steps": 1024}))
    assert main(["resume", str(halved), "--quiet"]) == 0
    assert "episodes_restarted" not in (halved / "events.jsonl").read_text()
    for name in ("policy.safetensors", "optimisers.safetensors", "state.json"):
        ends = [max((run / "checkpoints").iterdir()) / name for run in (whole, halved)]
        assert ends[0].read_bytes() == ends[1].read_bytes(), name


def test_where_it_has_none_a_resume_begins_new_episodes_within_their_masks() -> None:
    status, run = train("restarted", task="card_tasks:Stranger/Cards-v0", steps=576)
    assert status == 0
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "steps": 1024}))
    with pytest.warns(UserWarning, match="begins new episodes"):
        assert main(["resume", str(run), "--quiet"]) == 0
    assert rows(run)[-1]["step"] == 1024


def test_what_it_learns_is_what_plain_sb3_contrib_learns(tmp_path) -> None:
    """From equal weights and generators, on the same environment: the same rollouts and updates."""
    settings = {"voices": {"learning_rate": 1e-3}, "ensemble_size": 0, "normalise_observations": False}
    assert train("ours", **settings, steps=64, checkpoint_every=64)[0] == 0
    ours = load(Run.open(tmp_path / "results" / "runs" / "ours"))
    env = DummyVecEnv([lambda: Monitor(gymnasium.make("Stranger/Cards-v0"))] * 4)
    options = {name: AGENT[name] for name in ("n_steps", "batch_size", "n_epochs")}
    theirs = sb3_contrib.MaskablePPO(
        "MlpPolicy", env, **options, learning_rate=1e-3, policy_kwargs={"net_arch": [16]}, device="cpu"
    )
    theirs.set_logger(Logger(folder=None, output_formats=[]))
    theirs.policy.load_state_dict(ours.model.policy.state_dict())
    with ours._randomness:
        torch.manual_seed(3), np.random.seed(3)
        ours.batch.seed(7)
        ours.model._last_obs = ours.env.reset()
    ours.advance(64 + 256)
    torch.manual_seed(3), np.random.seed(3)
    env.seed(7)
    theirs.learn(256)
    assert theirs._n_updates == 16
    assert torch.allclose(weights(ours.model.policy), weights(theirs.policy), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_plain_sb3_contrib_loads_an_exported_agent_that_acts_identically_and_it_is_imported(tmp_path, capsys) -> None:
    assert train("cards", steps=128)[0] == 0
    assert main(["rl", "export", "cards", "--out", "agent.zip"]) == 0
    assert "sb3_contrib.MaskablePPO.load" in capsys.readouterr().out
    code = Path(__file__).with_name("plain_sb3.py")
    command = [sys.executable, str(code), "sb3_contrib.MaskablePPO", "agent.zip", "seen.npz"]
    subprocess.run(command, check=True, timeout=120)
    beside = ["--normalisation", "agent.normalisation.json"]
    assert main(["rl", "import", "agent.zip", "cards.yaml", *beside, "--name", "brought"]) == 0
    theirs = np.load("seen.npz")
    for name in ("cards", "brought"):
        act = load(Run.open(tmp_path / "results" / "runs" / name)).act
        for observations, masks, actions in zip(
            theirs["observations"], theirs["masks"], theirs["actions"], strict=True
        ):
            assert np.array_equal(act(observations, masks=masks), actions)
            assert masks[np.arange(10), actions].all()


@pytest.mark.slow
def test_every_voice_that_it_takes_is_read(tmp_path) -> None:
    """Two runs whose voices differ from the first update on end differently, for each voice alone."""
    usual = {"learning_rate": 1e-2, "clip_range": 0.01, "ent_coef": 0.0, "target_kl": 1e6}
    other = {
        "learning_rate": 1e-3, "clip_range": 0.2, "clip_range_vf": 0.01, "ent_coef": 0.1, "vf_coef": 0.1,
        "target_kl": 1e-9, "max_grad_norm": 0.01, "gamma": 0.5, "gae_lambda": 0.1, "n_epochs": 5,
    }  # fmt: skip

    def end(name, voices):
        assert train(name, voices=voices, steps=128, ensemble_size=0)[0] == 0
        return weights(load(Run.open(tmp_path / "results" / "runs" / name)).model.policy)

    ends = [end("usual", usual), *(end(name, {**usual, name: value}) for name, value in other.items())]
    assert set(other) == set(AGENTS.named("maskable_ppo").conducts)
    assert len({tuple(found.tolist()) for found in ends}) == len(ends)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "lab/CartPole-v0"}, "task 'lab/CartPole-v0': has no method action_masks, which maskable_ppo asks"),
        ({"task": "CartPole-v1"}, "task 'CartPole-v1': has no method action_masks, which maskable_ppo asks"),
        ({"task": "Pendulum-v1"}, "its actions are Box, in which maskable_ppo cannot act; accepted: Discrete, Multi"),
        ({"agent": {**AGENT, "use_sde": True}}, "use_sde"),
        ({"voices": {"learning_rate": 1e-3, "tau": 0.1}}, "voices.tau: agent 'maskable_ppo' has none"),
    ],
)
def test_what_cannot_be_masked_is_one_line_and_leaves_no_run(capsys, changes, told) -> None:
    status, run = train("wrong", **changes)
    error = capsys.readouterr().err
    assert (status, error.count("\n"), run.exists()) == (2, 1, False)
    assert told in error


@pytest.mark.parametrize(("kind", "told"), [("NoneLeft", "no action is allowed"), ("TooMany", "cannot reshape")])
def test_masks_that_are_none_stop_the_run_with_one_line(capsys, kind, told) -> None:
    status, _ = train("wrong", task=f"card_tasks:Stranger/{kind}-v0")
    error = capsys.readouterr().err
    assert (status, error.count("\n")) == (2, 1)
    assert f"action_masks: {told}" in error
    assert "Discrete(4)" in error


def test_every_component_of_an_action_needs_a_choice() -> None:
    space = gymnasium.spaces.MultiDiscrete([2, 3])
    assert allowed([[1, 0, 0, 0, 1]], space).tolist() == [[True, False, False, False, True]]
    with pytest.raises(UserError, match="no action is allowed"):
        allowed([[1, 1, 0, 0, 0]], space)
    with pytest.raises(UserError, match="accepted: 5 times true or false"):
        allowed([[[1, 0], [0, 0, 1]]], space)
    binary = gymnasium.spaces.MultiBinary(2)
    assert allowed([[[1, 0], [1, 1]]], binary).tolist() == [[True, False, True, True]]
    with pytest.raises(UserError, match="no action is allowed"):
        allowed([[[1, 0], [0, 0]]], binary)

"""LeanPPO is SB3's PPO: same rollouts, same updates, same file; only rounding differs."""

import copy

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import FloatSchedule
from stable_baselines3.common.vec_env import DummyVecEnv

from rl.ppo import LeanPPO

BUFFER = ("actions", "rewards", "episode_starts", "values", "log_probs", "advantages", "returns")


class Shown(gymnasium.ObservationWrapper):
    """A task that shows a dictionary, as many do."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Dict(
            {"state": env.observation_space, "side": gymnasium.spaces.Discrete(2)}
        )

    def observation(self, observation):
        return {"state": observation, "side": int(observation[0] > 0)}


def environment(kind):
    if kind == "dict":
        return Shown(gymnasium.make("CartPole-v1", max_episode_steps=20))
    return gymnasium.make(kind, max_episode_steps=20)


KINDS = {
    "CartPole-v1": "MlpPolicy",
    "Pendulum-v1": "MlpPolicy",
    "FrozenLake-v1": "MlpPolicy",
    "dict": "MultiInputPolicy",
}


@pytest.fixture(params=KINDS)
def pair(request):
    """The plain and the lean PPO with equal weights, on equal environments, and each one's generators."""

    def make(**changes):
        models = []
        for algorithm in (PPO, LeanPPO):
            settings = {"n_steps": 24, "batch_size": 16, "n_epochs": 3, "seed": 3, "device": "cpu", **changes}
            env = DummyVecEnv([lambda: Monitor(environment(request.param))] * 2)
            models.append(algorithm(KINDS[request.param], env, policy_kwargs={"net_arch": [16]}, **settings))
            models[-1].set_logger(Logger(folder=None, output_formats=[]))
        return models

    return make


def seeded(model, call):
    torch.manual_seed(7), np.random.seed(7)
    return call(model)


def collect(model):
    _, callback = model._setup_learn(64)
    return model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)


def equal(a, b, **tolerance):
    if isinstance(a, dict):
        for name in a:
            equal(a[name], b[name], **tolerance)
    else:
        np.testing.assert_allclose(a, b, **tolerance)


def weights(model):
    return torch.cat([weight.detach().flatten() for weight in model.policy.parameters()]).numpy()


def test_a_rollout_is_the_one_that_sb3_gathers(pair):
    plain, lean = pair(gamma=0.9)
    assert seeded(plain, collect)
    assert seeded(lean, collect)
    equal(plain.rollout_buffer.observations, lean.rollout_buffer.observations)
    for field in BUFFER:
        ours, theirs = getattr(lean.rollout_buffer, field), getattr(plain.rollout_buffer, field)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5, err_msg=field)
    assert lean.num_timesteps == plain.num_timesteps == 48
    assert [e["l"] for e in lean.ep_info_buffer] == [e["l"] for e in plain.ep_info_buffer]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ent_coef": 0.1, "vf_coef": 0.3, "clip_range": 0.05, "learning_rate": 1e-2},
        {"clip_range_vf": 0.1, "normalize_advantage": False, "max_grad_norm": 0.01},
        {"target_kl": 1e-5, "learning_rate": 1e-2},
    ],
    ids=["defaults", "voices", "value-clipping", "target_kl"],
)
def test_an_update_is_the_one_that_sb3_makes_of_the_same_rollout(pair, changes):
    plain, lean = pair(**changes)
    seeded(plain, collect)
    before, rollout = weights(plain), copy.deepcopy(plain.rollout_buffer)
    for _ in range(2):  # the second continues Adam's moments
        for model, algorithm in ((plain, PPO), (lean, LeanPPO)):
            model.rollout_buffer = copy.deepcopy(rollout)
            seeded(model, algorithm.train)
    assert np.abs(weights(plain) - before).max() > 1e-4
    np.testing.assert_allclose(weights(lean), weights(plain), rtol=1e-4, atol=1e-6)
    ours, theirs = lean.logger.name_to_value, plain.logger.name_to_value
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=1e-3, abs=1e-5, nan_ok=True), name
    assert lean._n_updates == plain._n_updates


def test_a_users_callback_sees_sb3s_ppo_and_may_stop_it():
    class Stops(BaseCallback):
        def _on_step(self):
            assert isinstance(self.model, PPO)
            assert {"infos", "dones", "rewards", "new_obs", "actions"} <= self.locals.keys()
            return self.n_calls < 5

    model = LeanPPO("MlpPolicy", "CartPole-v1", n_steps=32, batch_size=32, device="cpu")
    model.learn(64, callback=Stops())
    assert model.num_timesteps == 5


def test_a_pass_of_the_users_own_policy_is_taken():
    class Zeros(ActorCriticPolicy):
        passes = 0

        def forward(self, obs, deterministic=False):
            type(self).passes += 1
            return super().forward(obs, deterministic)

    model = LeanPPO(Zeros, "CartPole-v1", n_steps=32, batch_size=32, device="cpu", seed=0)
    model.learn(32)
    assert Zeros.passes == 32


def test_conducted_numbers_are_read_by_the_next_update():
    model = LeanPPO("MlpPolicy", "CartPole-v1", n_steps=32, batch_size=32, device="cpu", seed=0)
    seeded(model, collect)
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.clip_range = FloatSchedule(0.0)
    model.train()
    assert model.logger.name_to_value["train/clip_range"] == 0.0
    assert model.logger.name_to_value["train/clip_fraction"] > 0.5


def test_plain_sb3_loads_what_is_saved(tmp_path):
    lean = LeanPPO("MlpPolicy", "CartPole-v1", n_steps=32, batch_size=32, device="cpu", seed=0)
    lean.learn(64)
    lean.save(tmp_path / "agent.zip")
    plain = PPO.load(tmp_path / "agent.zip", env=gymnasium.make("CartPole-v1"), device="cpu")
    assert type(plain) is PPO
    assert np.array_equal(weights(plain), weights(lean))
    plain.learn(64)

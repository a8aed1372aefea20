"""A section of rl-zoo's files is read as it is, and so are settings of an agent that stand beside it."""

import pytest
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from torch import nn

from lab.door.yamls import parse
from lab.errors import UserError
from lab.training.config import dump, load_yaml, resolve
from rl.agents.policies import arguments_of
from rl.config import RlConfig

PPO = """
task: Acrobot-v1
normalize: true
n_envs: 16
n_timesteps: !!float 1e6
policy: 'MlpPolicy'
n_steps: 256
gae_lambda: 0.94
gamma: 0.99
n_epochs: 4
ent_coef: 0.0
batch_size: 128
learning_rate: lin_3e-4
clip_range: lin_0.2
"""
SAC = """
task: MountainCarContinuous-v0
n_timesteps: !!float 50000
policy: 'MlpPolicy'
learning_rate: !!float 3e-4
buffer_size: 50000
batch_size: 512
ent_coef: 0.1
train_freq: 32
gradient_steps: 32
gamma: 0.9999
tau: 0.01
learning_starts: 0
use_sde: True
policy_kwargs: "dict(log_std_init=-3.67, net_arch=[64, 64], activation_fn=nn.ReLU)"
agent: sac
"""
DQN = """
task: MountainCar-v0
agent: dqn
n_envs: 1
n_timesteps: !!float 1.2e5
policy: 'MlpPolicy'
learning_rate: !!float 4e-3
batch_size: 128
buffer_size: 10000
learning_starts: 1000
gamma: 0.98
target_update_interval: 600
train_freq: 16
gradient_steps: 8
exploration_fraction: 0.2
exploration_final_eps: 0.07
policy_kwargs: "dict(net_arch=[256, 256])"
"""


def read(text: str, **changes) -> RlConfig:
    return resolve(RlConfig, {**parse(text), **changes})


def test_ppo() -> None:
    config = read(PPO)
    assert (config.steps, config.n_envs, config.standardised, config.normalise_rewards) == (1_000_000, 16, True, True)
    assert config.agent.model_dump(include={"n_steps", "gae_lambda", "gamma", "n_epochs", "batch_size", "policy"}) == {
        "n_steps": 256, "gae_lambda": 0.94, "gamma": 0.99, "n_epochs": 4, "batch_size": 128, "policy": "MlpPolicy",
    }  # fmt: skip
    voices = config.parsed_voices()
    assert voices["learning_rate"](0) == 3e-4
    assert voices["learning_rate"](500_000) == pytest.approx(1.5e-4)
    assert voices["clip_range"](999_999) == pytest.approx(0.0, abs=1e-6)
    assert voices["ent_coef"](5) == 0.0


def test_sac_and_its_text_of_policy_kwargs() -> None:
    agent = read(SAC).agent
    assert (agent.buffer_size, agent.ent_coef, agent.train_freq, agent.use_sde) == (50_000, 0.1, 32, True)
    assert agent.policy_kwargs == {"log_std_init": -3.67, "net_arch": [64, 64], "activation_fn": "relu"}


@pytest.mark.parametrize("layer", ["GELU", "LeakyReLU"])
def test_the_zoos_other_words(layer: str) -> None:
    text = f'"dict(net_arch=[dict(pi=[64], vf=[32])], activation_fn=nn.{layer})"'
    agent = resolve(RlConfig, parse(PPO.replace("n_steps", f"policy_kwargs: {text}\nn_steps", 1))).agent
    said = arguments_of(agent)
    assert said["net_arch"] == {"pi": [64], "vf": [32]}
    assert said["activation_fn"] is getattr(nn, layer)


def test_the_zoos_optimiser_of_a2c() -> None:
    text = '"dict(optimizer_class=RMSpropTFLike, optimizer_kwargs=dict(eps=1e-5))"'
    agent = resolve(RlConfig, parse(PPO.replace("n_steps", f"policy_kwargs: {text}\nn_steps", 1))).agent
    assert arguments_of(agent)["optimizer_class"] is RMSpropTFLike
    assert arguments_of(agent)["optimizer_kwargs"] == {"eps": 1e-5}


def test_what_a_file_leaves_out_is_as_sb3_has_it() -> None:
    config = resolve(RlConfig, parse("{task: Acrobot-v1, n_timesteps: 1.0e+5}"))
    assert (config.n_envs, config.standardised, config.agent.n_steps, config.agent.batch_size) == (1, False, 2048, 64)
    assert config.parsed_voices()["learning_rate"](7) == 3e-4
    assert read(DQN).n_envs == 1


@pytest.mark.parametrize("change", ["n_timesteps=1.0e5", "steps=100000"])
def test_a_change_of_the_length_keeps_all_else_and_stretches_the_schedules(change) -> None:
    config = resolve(RlConfig, parse(PPO), [change])
    assert (config.steps, config.agent.n_steps, config.agent.batch_size) == (100_000, 256, 128)
    rate = config.parsed_voices()["learning_rate"]
    assert rate(0) == 3e-4
    assert rate(50_000) == pytest.approx(1.5e-4)


def test_normalisation_as_rl_zoo_writes_it() -> None:
    config = read(PPO, normalize="{'norm_obs': True, 'norm_reward': False}")
    assert (config.standardised, config.normalise_rewards) == (True, False)


def test_dqn() -> None:
    config = read(DQN)
    assert (config.steps, config.agent.exploration_final_eps, config.agent.target_update_interval) == (
        120_000,
        0.07,
        600,
    )


@pytest.mark.parametrize("text", [PPO, SAC, DQN])
def test_what_is_saved_is_read_again_as_the_same(tmp_path, text) -> None:
    config = read(text)
    path = tmp_path / "config.yaml"
    path.write_text(dump(config))
    assert resolve(RlConfig, load_yaml(path)) == config


def test_settings_beside_the_agent_can_be_set() -> None:
    config = resolve(RlConfig, parse(PPO), ["n_steps=64", "agent.max_grad_norm=0.7", "learning_rate=0.001"])
    assert (config.agent.n_steps, config.agent.max_grad_norm) == (64, 0.7)
    assert config.parsed_voices()["learning_rate"](0) == 1e-3


def test_a_change_counts_however_either_is_written() -> None:
    nested = {**parse("{task: Acrobot-v1, steps: 9, clock: {period: 3}, voices: {learning_rate: 1.0e-3}}")}
    nested["agent"] = {"agent": "ppo", "n_epochs": 4}
    for mapping in (parse(PPO), nested):
        for change in ("agent.n_epochs=7", "n_epochs=7"):
            assert resolve(RlConfig, mapping, [change]).agent.n_epochs == 7


def test_a_setting_beside_the_agent_and_in_it_is_ambiguous() -> None:
    with pytest.raises(UserError, match=r"n_epochs: is 4 beside agent, and 7 in it; give it once"):
        read(PPO, agent={"agent": "ppo", "n_epochs": 7})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"policy_kwargs": "__import__('os').system('true')"},
            r"policy_kwargs: .* is not accepted; a mapping, or dict",
        ),
        ({"policy_kwargs": "dict(net_arch=open('x'))"}, r"policy_kwargs: .* is not accepted"),
        ({"learning_rate": "lin_fast"}, r"learning_rate: 'lin_fast' is not accepted; a number, or lin_NUMBER"),
        ({"voices": 3}, r"voices"),
        ({"frame_stack": 4}, r"frame_stack: is not read from rl-zoo's files"),
        ({"clip_rang": 0.2}, r"clip_rang"),
        ({"n_steps": 0}, r"agent.n_steps: 0 is not accepted"),
    ],
)
def test_what_is_not_rl_zoos_is_refused_in_one_line(changes, words) -> None:
    with pytest.raises(UserError, match=words) as error:
        read(PPO, **changes)
    assert "\n" not in str(error.value)

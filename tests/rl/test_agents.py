"""Every agent: an exact resume, SB3's own numbers, quantities on the clock, and what it cannot do."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv

from lab.errors import UserError
from lab.training import checkpoints
from lab.training.config import resolve
from rl.config import RlConfig

AGENTS = {
    "ppo": ({"agent": "ppo", "n_steps": 16, "batch_size": 16, "use_sde": False}, "lab/CartPole-v0"),
    "ppo-sde": ({"agent": "ppo", "n_steps": 16, "batch_size": 16, "use_sde": True}, "lab/Pendulum-v0"),
    "a2c": ({"agent": "a2c"}, "lab/CartPole-v0"),
    "a2c-rmsproptflike": ({"agent": "a2c", "policy_kwargs": {"optimizer_class": "rmsproptflike"}}, "lab/Pendulum-v0"),
    "a2c-adam": ({"agent": "a2c", "use_rms_prop": False}, "lab/Pendulum-v0"),
    "dqn": ({"agent": "dqn", "buffer_size": 100, "learning_starts": 20, "train_freq": 2}, "lab/CartPole-v0"),
    "sac": ({"agent": "sac", "buffer_size": 100, "noise_type": "ornstein-uhlenbeck"}, "lab/Pendulum-v0"),
    "sac-fixed": ({"agent": "sac", "ent_coef": 0.1, "use_sde": True, "sde_sample_freq": 4}, "lab/Pendulum-v0"),
    "td3": ({"agent": "td3", "buffer_size": 100}, "lab/Pendulum-v0"),
    "ddpg": ({"agent": "ddpg", "gradient_steps": -1, "train_freq": 4}, "lab/Pendulum-v0"),
}
RECURRENT = {"agent": "recurrent_ppo", "n_steps": 16, "batch_size": 16, "n_epochs": 2, "lstm_hidden_size": 8}
CONTRIB = {
    "tqc": ({"agent": "tqc", "buffer_size": 100}, "lab/Pendulum-v0"),
    "crossq": ({"agent": "crossq", "buffer_size": 100, "batch_size": 32}, "lab/Pendulum-v0"),
    "qrdqn": ({"agent": "qrdqn", "buffer_size": 100, "learning_starts": 20}, "lab/CartPole-v0"),
    "trpo": ({"agent": "trpo", "n_steps": 16, "batch_size": 16}, "lab/CartPole-v0"),
    "recurrent": ({**RECURRENT, "n_lstm_layers": 2}, "lab/CartPole-v0"),
    "recurrent-shared": ({**RECURRENT, "shared_lstm": True, "enable_critic_lstm": False}, "lab/Pendulum-v0"),
    "recurrent-actor": ({**RECURRENT, "enable_critic_lstm": False, "use_sde": True}, "lab/Pendulum-v0"),
}
EVERY = {**AGENTS, **CONTRIB}
PLAIN = {"n_steps": None, "batch_size": None, "n_epochs": None, "hidden": None, "voices": {"learning_rate": 1e-3}}


@pytest.fixture
def agent_trainer(make_trainer):
    """As ``make_trainer``, without the settings of PPO that stand beside the agent there."""

    def make(agent, task, **changes):
        settings = {**agent, "hidden": [16]}
        clean = {"agent": settings, "task": task, "curriculum": {"kind": "none"}, "n_envs": 2}
        dropped = {name: value for name, value in PLAIN.items() if value is not None}
        return make_trainer(**{**dropped, **clean, **changes}, drop=[name for name in PLAIN if name != "voices"])

    return make


def weights(trainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.policy.parameters()])


@pytest.mark.parametrize("name", EVERY)
def test_a_run_that_goes_back_to_a_checkpoint_ends_bit_for_bit_as_one_that_never_stopped(
    agent_trainer, tmp_path, name
) -> None:
    if name in CONTRIB:
        pytest.importorskip("sb3_contrib")
    agent, task = EVERY[name]
    options = {"curriculum": {"kind": "linear", "stop": 400}, "normalise_observations": True, "normalise_rewards": True}
    options["curvature"] = name.startswith(("ppo", "a2c", "trpo"))
    whole, first, second = (agent_trainer(agent, task, **options, place=place) for place in ("whole", "run", "run"))
    whole.advance(480)
    first.advance(224)
    checkpoints.save(tmp_path / "kept", first.step, first.state_dict())
    first.advance(352)  # overwrites what it remembers, and is killed
    second.load_state_dict(checkpoints.load_newest(tmp_path / "kept")[1])
    assert second.step == 224 if not name.startswith("a2c") else 220 <= second.step <= 230
    second.advance(480)
    assert second.step == whole.step
    assert torch.equal(weights(second), weights(whole))
    assert second.metrics() == whole.metrics()
    evaluated = second.evaluate()
    assert evaluated == whole.evaluate()
    assert ("curvature/leading" in evaluated) == options["curvature"]


def contrib(name):
    return lambda: getattr(pytest.importorskip("sb3_contrib"), name)


KINDS = {
    "dqn": (lambda: DQN, "CartPole-v1"),
    "sac": (lambda: SAC, "Pendulum-v1"),
    "td3": (lambda: TD3, "Pendulum-v1"),
    "tqc": (contrib("TQC"), "Pendulum-v1"),
    "crossq": (contrib("CrossQ"), "Pendulum-v1"),
    "qrdqn": (contrib("QRDQN"), "CartPole-v1"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_it_learns_is_what_plain_sb3_learns(agent_trainer, name) -> None:
    """From equal weights and generators, on Gymnasium's own environment: the same transitions and updates."""
    kind, task = KINDS[name][0](), KINDS[name][1]
    settings = {"buffer_size": 150, "learning_starts": 40, "batch_size": 32, "train_freq": 4, "gradient_steps": 2}
    own = {"td3": {"noise_type": "none"}, "qrdqn": {"max_grad_norm": 1e9}}.get(name, {})
    ours = agent_trainer({"agent": name, **settings, **own}, task)
    env = DummyVecEnv([lambda: Monitor(gymnasium.make(task, max_episode_steps=50))] * 2)
    theirs = kind(
        "MlpPolicy", env, **settings, learning_rate=1e-3, device="cpu", policy_kwargs={"net_arch": [16]}, seed=0
    )
    theirs.set_logger(Logger(folder=None, output_formats=[]))
    theirs.policy.load_state_dict(ours.model.policy.state_dict())
    theirs.action_space.seed(0)
    env.seed(0)
    with ours._randomness:
        torch.manual_seed(3), np.random.seed(3)
    steps = 160 if name == "crossq" else 1024  # normalisation by batch spreads the last bits soon
    ours.model._total_timesteps = steps
    ours.advance(steps)
    torch.manual_seed(3), np.random.seed(3)
    theirs.learn(steps, log_interval=10**9)
    assert ours.model._n_updates == theirs._n_updates >= 28
    theirs_flat = torch.cat([parameter.detach().flatten() for parameter in theirs.policy.parameters()])
    close = torch.isclose(weights(ours), theirs_flat, rtol=1e-4, atol=1e-5)
    # A bias before a normalisation by batch has a gradient of rounding errors alone, which Adam makes steps of.
    assert close.float().mean() >= (0.99 if name == "crossq" else 1.0)


def test_actor_critic_and_entropy_have_rates_of_their_own(agent_trainer) -> None:
    voices = {
        "learning_rate": {"wave": "cosine", "low": 1e-4, "high": 1e-3},
        "learning_rate.actor": {"wave": "cosine", "low": 1e-5, "high": 1e-4, "offset": 0.5},
        "learning_rate.entropy": 7e-4,
    }
    trainer = agent_trainer({"agent": "sac", "learning_starts": 10}, "lab/Pendulum-v0", voices=voices)
    for until in (64, 128, 200):
        trainer.advance(until)
        model, row = trainer.model, trainer.metrics()
        rates = [part.param_groups[0]["lr"] for part in (model.critic.optimizer, model.actor.optimizer)]
        assert rates == [row["voice/learning_rate"], row["voice/learning_rate.actor"]]
        assert model.ent_coef_optimizer.param_groups[0]["lr"] == 7e-4


@pytest.mark.parametrize(
    ("agent", "task", "voice", "read"),
    [
        ("dqn", "lab/CartPole-v0", "exploration_rate", lambda model: model.exploration_rate),
        ("sac", "lab/Pendulum-v0", "tau", lambda model: model.tau),
        ("td3", "lab/Pendulum-v0", "noise_std", lambda model: model.action_noise.noises[1]._sigma[0]),
        ("td3", "lab/Pendulum-v0", "target_policy_noise", lambda model: model.target_policy_noise),
        ("a2c", "lab/CartPole-v0", "ent_coef", lambda model: model.ent_coef),
        ("ddpg", "lab/Pendulum-v0", "gamma", lambda model: model.gamma),
    ],
)
def test_a_quantity_follows_the_clock(agent_trainer, agent, task, voice, read) -> None:
    voices = {"learning_rate": 1e-3, voice: {"wave": "cosine", "low": 0.1, "high": 0.5, "clock": {"period": 100}}}
    trainer = agent_trainer({"agent": agent}, task, voices=voices)
    trainer.advance(50)
    assert float(read(trainer.model)) == pytest.approx(trainer.metrics()[f"voice/{voice}"])
    assert 0.1 <= float(read(trainer.model)) < 0.3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"agent": "sac", "task": "lab/CartPole-v0"},
            r"task 'lab/CartPole-v0': its actions are Discrete, in which sac",
        ),
        (
            {"agent": "dqn", "task": "lab/Pendulum-v0"},
            r"its actions are Box, in which dqn cannot act; accepted: Discrete",
        ),
        (
            {"agent": "sacc"},
            r"no agent is called 'sacc'; did you mean 'sac'\? \(accepted: ppo, a2c, trpo, recurrent_ppo",
        ),
        (
            {"agent": "sac", "voices": {"learning_rate": 1e-3, "clip_range": 0.2}},
            r"voices.clip_range: agent 'sac' has none \(accepted: learning_rate, learning_rate.actor",
        ),
        ({"agent": {"agent": "ppo", "n_stepz": 3}}, r"agent.n_stepz|n_stepz"),
        ({"agent": {"agent": "sac", "ent_coef": "autoo"}}, r"ent_coef: 'autoo' is not accepted; a number ≥ 0, auto"),
        ({"agent": {"agent": "sac", "ent_coef": "auto_inf"}}, r"agent.ent_coef: 'auto_inf' is not accepted"),
        ({"agent": {"agent": "sac", "ent_coef": -1.0}}, r"agent.ent_coef: -1.0 is not accepted"),
        ({"agent": {"agent": "sac", "train_freq": [1, "episode"]}}, r"episodes are counted with n_envs: 1, not 16"),
        ({"agent": {"agent": "sac", "gradient_steps": 0}}, r"gradient_steps: 0 is not accepted; at least 1, or -1"),
    ],
)
def test_what_an_agent_cannot_do_is_told_before_it_is_built(changes, words) -> None:
    settings = {"task": "lab/Pendulum-v0", "steps": 10, "clock": {"period": 5}, "voices": {"learning_rate": 1e-3}}
    with pytest.raises(UserError, match=words) as error:
        resolve(RlConfig, {**settings, **changes})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"net_archh": [3]}, r"agent 'sac' cannot be built: TypeError: .*net_archh"),
        ({"activation_fn": "sine"}, r"agent.policy_kwargs.activation_fn: 'sine' is not accepted; tanh, relu"),
        ({"features_extractor_class": "nowhere.at:All"}, r"module 'nowhere.at' is neither installed nor"),
    ],
)
def test_wrong_arguments_of_a_policy_are_told_in_one_line(agent_trainer, kwargs, words) -> None:
    with pytest.raises(UserError, match=words):
        agent_trainer({"agent": "sac", "policy_kwargs": kwargs}, "lab/Pendulum-v0")


class Frozen(BaseFeaturesExtractor):
    """An encoder that somebody trained before."""

    def __init__(self, space):
        super().__init__(space, 4)
        self.layer = torch.nn.Linear(space.shape[0], 4).requires_grad_(False)

    def forward(self, observations):
        return self.layer(observations)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("agent", ["ppo", "sac", "td3"])
def test_an_encoder_that_is_frozen_stays_so_and_all_else_learns(agent_trainer, monkeypatch, agent, decay) -> None:
    monkeypatch.setattr("rl.agents.policies._own", lambda name, field: Frozen)
    settings = {"ppo": {"n_steps": 16, "batch_size": 16}}.get(agent, {"learning_starts": 10})
    kwargs = {"features_extractor_class": "mine:Frozen", "optimizer_kwargs": {"weight_decay": decay}}
    trainer = agent_trainer({"agent": agent, "policy_kwargs": kwargs, **settings}, "lab/Pendulum-v0")
    before = {name: part.clone() for name, part in trainer.model.policy.named_parameters()}
    trainer.advance(120)
    for name, part in trainer.model.policy.named_parameters():
        stays = "features_extractor" in name
        assert torch.allclose(part, before[name]) if stays else not torch.equal(part, before[name]), name


def test_an_optimiser_that_could_not_be_restored_is_refused(agent_trainer, monkeypatch) -> None:
    monkeypatch.setattr("rl.agents.policies._own", lambda name, field: torch.optim.Adamax)
    kwargs = {"optimizer_class": "torch.optim:Adamax"}
    with pytest.raises(UserError, match=r"optimizer_class: Adamax is not accepted, as a resume could not restore it"):
        agent_trainer({"agent": "sac", "policy_kwargs": kwargs}, "lab/Pendulum-v0")


def test_gamma_on_the_clock_reaches_the_normalisation_of_rewards(agent_trainer) -> None:
    voices = {"learning_rate": 1e-3, "gamma": 0.5}
    for agent in ({"agent": "ppo", "n_steps": 16, "batch_size": 16}, {"agent": "ddpg"}):
        trainer = agent_trainer(agent, "lab/Pendulum-v0", voices=voices, normalise_rewards=True)
        trainer.advance(32)
        assert (trainer.model.gamma, trainer.env.gamma) == (0.5, 0.5)


class Weeks(gymnasium.Env):
    """Episodes of seven steps, each of which pays 1; a subclass says what is seen."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.seen(), {}

    def step(self, action):
        self.steps += 1
        return self.seen(), 1.0, self.steps % 7 == 0, False, {}


class Pictures(Weeks):
    """Three colours of 40 by 40 pixels, told apart by their values; and a number, if asked for."""

    def __init__(self, both=False):
        picture = gymnasium.spaces.Box(0, 255, (40, 40, 3), np.uint8)
        number = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.both = both
        self.observation_space = gymnasium.spaces.Dict({"picture": picture, "number": number}) if both else picture
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def seen(self):
        picture = np.broadcast_to(np.array([1, 2, 3], np.uint8), (40, 40, 3)).copy()
        return {"picture": picture, "number": self.np_random.random(1).astype(np.float32)} if self.both else picture


@pytest.mark.parametrize("both", [False, True])
def test_pictures_are_remembered_with_their_channels_first(agent_trainer, both) -> None:
    gymnasium.register("tests/Pictures-v0", lambda: Pictures(both))
    try:
        agent = {"agent": "sac", "buffer_size": 40, "batch_size": 4, "learning_starts": 20}
        options = {"normalise_rewards": True, "normalise_observations": both}
        trainer = agent_trainer(agent, "tests/Pictures-v0", **options)
        trainer.advance(32)
        drawn = trainer.model.replay_buffer.sample(8)
        for seen in (drawn.observations, drawn.next_observations):
            picture = seen["picture"] if both else seen
            assert picture.shape == (8, 3, 40, 40)
            assert [float(picture[:, channel].min()) for channel in range(3)] == [1.0, 2.0, 3.0]
            assert [float(picture[:, channel].max()) for channel in range(3)] == [1.0, 2.0, 3.0]
        trainer.evaluate()
    finally:
        del gymnasium.registry["tests/Pictures-v0"]


class Kinds(Weeks):
    """Says which of three kinds it is, beside a number that tells it too."""

    def __init__(self, actions):
        number, kind = gymnasium.spaces.Box(0.0, 2.0, (1,), np.float32), gymnasium.spaces.Discrete(3)
        self.observation_space = gymnasium.spaces.Dict({"number": number, "kind": kind})
        self.action_space = actions

    def seen(self):
        kind = int(self.np_random.integers(3))
        return {"number": np.array([kind], np.float32), "kind": kind}


@pytest.mark.parametrize("agent", ["dqn", "sac"])
def test_a_dictionary_with_a_discrete_entry_is_remembered(agent_trainer, agent) -> None:
    actions = gymnasium.spaces.Discrete(2) if agent == "dqn" else gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    gymnasium.register("tests/Kinds-v0", lambda: Kinds(actions))
    try:
        settings = {"agent": agent, "buffer_size": 99, "batch_size": 4, "learning_starts": 20}
        trainer = agent_trainer(settings, "tests/Kinds-v0", n_envs=3, normalise_observations=False)
        trainer.advance(60)
        drawn = trainer.model.replay_buffer.sample(16)
        for seen in (drawn.observations, drawn.next_observations):
            assert torch.equal(seen["kind"].float(), seen["number"])
        trainer.evaluate()
    finally:
        del gymnasium.registry["tests/Kinds-v0"]


@pytest.mark.parametrize(
    ("agent", "said", "words"),
    [
        ("trpo", {"max_grad_norm": 0.1}, "agent.max_grad_norm: 0.1 is not accepted, as trpo does not read it"),
        ("crossq", {"tau": 0.5}, "agent.tau: 0.5 is not accepted, as crossq does not read it"),
        ("crossq", {"target_update_interval": 7}, "agent.target_update_interval: 7 is not accepted"),
    ],
)
def test_a_setting_that_an_agent_does_not_read_is_refused(agent, said, words) -> None:
    pytest.importorskip("sb3_contrib")
    settings = {"task": "lab/Pendulum-v0", "steps": 10, "clock": {"period": 5}, "voices": {"learning_rate": 1e-3}}
    with pytest.raises(UserError, match=words):
        resolve(RlConfig, {**settings, "agent": {"agent": agent, **said}})
    assert resolve(RlConfig, {**settings, "agent": agent}).agent.agent == agent


def test_a_short_run_has_room_to_be_made_longer(agent_trainer) -> None:
    agent = {"agent": "dqn", "buffer_size": 100}
    short, long = (agent_trainer(agent, "lab/CartPole-v0", steps=steps, place=str(steps)) for steps in (200, 100_000))
    assert short.model.replay_buffer.rows == long.model.replay_buffer.rows


class Endless(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict({"robot/place": gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)})
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    ends = False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return {"robot/place": np.zeros(1, np.float32)}, {}

    def step(self, action):
        told = {"is_success": True} if self.ends else {}
        return {"robot/place": np.zeros(1, np.float32)}, 1.0, self.ends, False, told


def test_an_episode_that_nothing_ends_counts_as_it_stands(agent_trainer, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("rl.evaluation.LONGEST", 30)
    gymnasium.register("tests/Endless-v0", Endless)
    try:
        agent = {"agent": "sac", "buffer_size": 40, "batch_size": 4, "learning_starts": 20}
        trainer = agent_trainer(agent, "tests/Endless-v0", max_episode_steps=None)
        with pytest.warns(UserWarning, match="Endless-v0 has no time limit that is known"):
            trainer.advance(32)
        (score,) = trainer.scores(episodes=2, grid=None)
        assert (score.returns.tolist(), score.lengths.tolist(), score.successes) == ([30.0, 30.0], [30, 30], None)
        monkeypatch.setattr(Endless, "ends", True)
        assert trainer.evaluate()["evaluation/success"] == 1.0
        monkeypatch.setattr(Endless, "ends", False)
        trainer.step += 10
        row = trainer.evaluate()
        assert (row["evaluation/success"], row["evaluation/area/success"]) == (0.0, 0.5), "what never ended is none"
        limited = agent_trainer(agent, "tests/Endless-v0", max_episode_steps=50, place="limited")
        assert limited.scores(episodes=1)[0].lengths.tolist() == [50]
        assert (tmp_path / "run" / "replay" / "observations.robot%2Fplace.npy").is_file()
    finally:
        del gymnasium.registry["tests/Endless-v0"]


class Worn(gymnasium.Env):
    """Pays less from episode to episode, whatever a reset says; told of success by no one."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    force, pay = 1.0, 9.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.pay -= 1.0
        return np.zeros(1, np.float32), {"difficulty": "hard"}

    def step(self, action):
        return np.zeros(1, np.float32), self.pay, False, False, {"difficulty": "hard"}


def test_an_evaluation_is_the_same_again_whatever_an_environment_keeps(agent_trainer) -> None:
    gymnasium.register("tests/Worn-v0", Worn)
    try:
        agent = {"agent": "sac", "buffer_size": 40, "batch_size": 4, "learning_starts": 20}
        trainer = agent_trainer(agent, "tests/Worn-v0")
        trainer.advance(120)
        first, again = trainer.evaluate(), trainer.evaluate()
        assert first["evaluation/return"] == again["evaluation/return"] == 8.0 * 50
        assert "evaluation/success" not in first
        assert "curriculum/difficulty" not in trainer.metrics(), "a word is no difficulty of ours"
        axes = {"axes": {"force": {"easy": 2.0}}, "success": "terminated"}
        adapted = agent_trainer(agent, "tests/Worn-v0", **axes, place="adapted")
        assert adapted.evaluate()["evaluation/success"] == 0.0, "before any episode has ended"
    finally:
        del gymnasium.registry["tests/Worn-v0"]


def test_what_ended_an_episode_is_remembered_as_it_came(agent_trainer) -> None:
    trainer = agent_trainer({"agent": "sac", "buffer_size": 100}, "lab/Pendulum-v0", normalise_observations=True)
    kept = []
    plain = trainer.batch.step_wait

    def watching():
        found = plain()
        kept.extend(info["terminal_observation"].copy() for info in found[3] if "terminal_observation" in info)
        return found

    trainer.batch.step_wait = watching
    trainer.advance(220)
    arrays = trainer.model.replay_buffer._arrays
    ended = arrays["dones"][: trainer.model.replay_buffer.count].astype(bool)
    stored = arrays["next_observations"][: len(ended)][ended]
    assert len(stored) == len(kept) > 2
    assert np.array_equal(np.sort(stored, axis=0), np.sort(np.array(kept), axis=0))


@pytest.mark.parametrize(
    ("steps", "voices", "told"), [(400, {}, 0), (4000, {}, 1), (4000, {"exploration_rate": 0.3}, 0)]
)
def test_a_longer_run_says_that_it_goes_back_to_more_random_actions(
    agent_trainer, tmp_path, steps, voices, told
) -> None:
    agent, task = {**AGENTS["dqn"][0], "exploration_fraction": 0.5}, "lab/CartPole-v0"
    voices = {"learning_rate": 1e-3, **voices}
    short = agent_trainer(agent, task, steps=400, voices=voices)
    short.advance(400)
    longer = agent_trainer(agent, task, steps=steps, voices=voices, place="longer")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        longer.load_state_dict({**short.state_dict(), "replay": None})
    assert [str(warning.message) for warning in caught] == [
        "random actions go from 5% back to 81%: their share is of the longer run's steps"
    ] * told
    assert longer.events == [("warning", 400)] * told

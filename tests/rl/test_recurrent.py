"""A recurrent agent remembers its episode alone: in training, evaluation, films, ensembles, across a resume."""

import copy

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from lab.errors import UserError
from lab.training.config import resolve
from rl import environments
from rl.agents import AGENTS
from rl.config import RlConfig
from rl.evaluation import play
from rl.film import film

sb3_contrib = pytest.importorskip("sb3_contrib")

AGENT = {"agent": "recurrent_ppo", "n_steps": 16, "batch_size": 32, "n_epochs": 2, "lstm_hidden_size": 8}
SETTINGS = {
    "agent": AGENT,
    "task": "lab/CartPole-v0",
    "voices": {"learning_rate": 1e-2},
    "curriculum": {"kind": "none"},
    "normalise_observations": False,
}
BESIDE = ["n_steps", "batch_size", "n_epochs", "hidden"]


class Recall(gymnasium.Env):
    """The first observation is 1 or -1, all others 0; what it was is asked for in the last of four steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cue, self.steps = int(self.np_random.integers(2)), 0
        return np.array([2.0 * self.cue - 1.0], np.float32), {}

    def step(self, action):
        self.steps += 1
        last = self.steps == 4
        right = last and int(action) == self.cue
        return np.zeros(1, np.float32), float(right), last, False, {}

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def recurrent(make_trainer):
    """As ``make_trainer``, of a recurrent agent."""
    return lambda **changes: make_trainer(**{**SETTINGS, **changes}, drop=BESIDE)


@pytest.fixture
def recall():
    gymnasium.register("tests/Recall-v0", Recall)
    yield "tests/Recall-v0"
    del gymnasium.registry["tests/Recall-v0"]


def weights(policy):
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def remembered(trainer):
    return torch.cat([part.flatten() for pair in trainer.model._last_lstm_states for part in pair])


def means(scores):
    return [float(score.returns.mean()) for score in scores]


@pytest.mark.slow
def test_what_an_episode_began_with_is_known_at_its_end(recurrent, recall, tmp_path) -> None:
    rate = {"wave": "cosine", "low": 1e-3, "high": 1e-2, "clock": {"period": 1024}}
    options = {"voices": {"learning_rate": rate}, "ensemble_size": 2, "evaluation": {"episodes": 40}}
    trainer = recurrent(task=recall, steps=4096, n_envs=8, **options)
    trainer.evaluate()
    trainer.advance(4096)
    assert trainer.metrics()["rollout/return"] > 0.9
    trainer.evaluate()
    acts = {"last": trainer.act, "best": trainer.best(), "ensemble": trainer.ensemble()}
    assert len(trainer.ensemble().actors) == 2
    for name, act in acts.items():
        assert means(trainer.scores(act=act)) == [1.0], name
        # The same actor again, elsewhere and in another number of environments, remembers nothing of that.
        assert {film(trainer, act, tmp_path / "film.gif", 1.0, seed).total for seed in range(6)} == {1.0}, name
        assert means(trainer.scores(episodes=7, act=act)) == [1.0], name


def test_an_evaluation_is_sb3_contribs_own_and_leaves_the_training_as_it_was(recurrent) -> None:
    watched, left = (recurrent(task="lab/Pendulum-v0", place=place) for place in ("watched", "left"))
    for trainer in (watched, left):
        trainer.advance(320)
    held = remembered(watched).clone()
    assert held.abs().max() > 0.01
    scores = watched.scores(episodes=5, grid=(1.0,))
    assert means(watched.scores(episodes=5, grid=(1.0,))) == means(scores)
    assert torch.equal(remembered(watched), held)

    env = environments.build(watched.config, 5, 0)
    env.seed(watched.config.seed + 1_000_003)
    seen, state, starts, infos = env.reset(), None, np.ones(5, dtype=bool), []
    for _ in range(50):
        actions, state = watched.model.predict(seen, state, starts, deterministic=True)
        seen, _, starts, infos = env.step(actions)
    assert [info["episode"]["r"] for info in infos] == scores[-1].returns.tolist()

    for trainer in (watched, left):
        trainer.advance(640)
    assert torch.equal(weights(watched.model.policy), weights(left.model.policy))


def test_a_policy_is_told_where_each_environments_episodes_start(recurrent) -> None:
    env, told = environments.build(recurrent().config, 6, 0), []

    def act(observations, starts, masks):
        told.append(starts.copy())
        return np.zeros(6, dtype=np.int64)

    lengths = play(env, act, [1.0], 6, seed=0)[0].lengths
    assert told[0].all()
    for index, length in enumerate(lengths):
        assert not any(starts[index] for starts in told[1:length])
        assert length == len(told) or told[length][index]


@pytest.mark.parametrize("task", ["CartPole-v1", "Pendulum-v1"])
def test_what_it_learns_is_what_plain_sb3_contrib_learns(recurrent, task) -> None:
    """From equal weights and generators: the same rollouts, memories and updates."""
    ours = recurrent(task=task, n_envs=2, voices={"learning_rate": 1e-3})
    env = DummyVecEnv([lambda: Monitor(gymnasium.make(task, max_episode_steps=50))] * 2)
    settings = {name: AGENT[name] for name in ("n_steps", "batch_size", "n_epochs")}
    theirs = sb3_contrib.RecurrentPPO(
        "MlpLstmPolicy", env, **settings, learning_rate=1e-3, policy_kwargs={"lstm_hidden_size": 8}, device="cpu"
    )
    theirs.set_logger(Logger(folder=None, output_formats=[]))
    theirs.policy.load_state_dict(ours.model.policy.state_dict())
    env.seed(0)
    with ours._randomness:
        torch.manual_seed(3), np.random.seed(3)
    ours.advance(320)
    torch.manual_seed(3), np.random.seed(3)
    theirs.learn(320)
    assert ours.model._n_updates == theirs._n_updates == 20
    assert torch.allclose(weights(ours.model.policy), weights(theirs.policy), rtol=1e-4, atol=1e-5)


def test_a_resume_that_begins_new_episodes_remembers_nothing(recurrent) -> None:
    first = recurrent(task="CartPole-v1", n_envs=2)
    first.advance(320)
    state = first.state_dict()
    assert state["envs"] is None
    assert max(float(part.abs().max()) for part in state["memory"]) > 0.01
    ends = []
    for place, memory in (("as-it-was", state["memory"]), ("other", [part + 3.0 for part in state["memory"]])):
        trainer = recurrent(task="CartPole-v1", n_envs=2, place=place)
        with pytest.warns(UserWarning, match="begins new episodes"):
            trainer.load_state_dict({**copy.deepcopy(state), "memory": memory})
        trainer.advance(640)
        ends.append(weights(trainer.model.policy))
    assert torch.equal(*ends)


def test_every_voice_that_it_takes_is_read(recurrent) -> None:
    """Two runs whose voices differ from the first update on end differently, for each voice alone."""
    usual = {"learning_rate": 1e-2, "clip_range": 0.01, "ent_coef": 0.0, "target_kl": 1e6}
    other = {
        "learning_rate": 1e-3, "clip_range": 0.2, "clip_range_vf": 0.01, "ent_coef": 0.1, "vf_coef": 0.1,
        "target_kl": 1e-9, "max_grad_norm": 0.01, "gamma": 0.5, "gae_lambda": 0.1, "n_epochs": 5,
    }  # fmt: skip

    def end(voices):
        trainer = recurrent(voices=voices, n_envs=2)
        trainer.advance(64)
        return weights(trainer.model.policy)

    ends = [end(usual), *(end({**usual, name: value}) for name, value in other.items())]
    assert set(other) == set(AGENTS.named("recurrent_ppo").conducts)
    assert len({tuple(found.tolist()) for found in ends}) == len(ends)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ({"shared_lstm": True}, "agent.shared_lstm: true is not accepted with enable_critic_lstm: true; with false"),
        ({"policy_kwargs": {"shared_lstm": True}}, "agent.shared_lstm: true is not accepted"),
        ({"policy_kwargs": {"lstm_kwargs": {"batch_first": True}}}, "lstm_kwargs: 'batch_first' is not accepted; bias"),
        ({"lstm_hidden_size": 0}, "lstm_hidden_size"),
        ({"policy": "MlpPolicy"}, r"agent 'recurrent_ppo' cannot be built: ValueError: Policy MlpPolicy unknown"),
        ({"policy": "stable_baselines3.common.policies:ActorCriticPolicy"}, "'recurrent_ppo' cannot be built"),
    ],
)
def test_what_it_cannot_be_is_told_in_one_line(recurrent, agent, words) -> None:
    with pytest.raises(UserError, match=words) as error:
        recurrent(agent={**AGENT, **agent})
    assert "\n" not in str(error.value)


def test_rl_zoos_settings_are_read_as_they_are() -> None:
    zoo = {
        "agent": "recurrent_ppo", "task": "CartPole-v1", "normalize": True, "n_envs": 8, "n_timesteps": "!!float 1e5",
        "policy": "MlpLstmPolicy", "n_steps": 32, "gae_lambda": 0.8, "learning_rate": "lin_0.001",
        "policy_kwargs": "dict(ortho_init=False, lstm_hidden_size=64, enable_critic_lstm=False)",
    }  # fmt: skip
    config = resolve(RlConfig, {**zoo, "n_timesteps": 1e5})
    assert (config.agent.batch_size, config.agent.policy_kwargs["lstm_hidden_size"]) == (128, 64)
    with pytest.raises(UserError, match="rollout"):
        resolve(RlConfig, {**zoo, "n_timesteps": 1e5, "n_steps": 33})


@pytest.mark.parametrize("inside", ["block", "policy_kwargs"])
def test_pictures_and_dictionaries_have_their_own_networks(recurrent, inside) -> None:
    picture = gymnasium.spaces.Box(0, 255, (40, 40, 3), np.uint8)
    number = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    spaces = {"Cnn": picture, "MultiInput": gymnasium.spaces.Dict({"picture": picture, "number": number})}
    size = {"lstm_hidden_size": 4}
    agent = {**AGENT, **size} if inside == "block" else {**AGENT, "policy_kwargs": size}
    for word, space in spaces.items():
        gymnasium.register("tests/Seen-v0", lambda space=space: Seen(space))
        try:
            trainer = recurrent(task="tests/Seen-v0", agent=agent, n_envs=2)
            assert type(trainer.model.policy) is trainer.model.policy_aliases[f"{word}LstmPolicy"]
            assert trainer.model.policy.lstm_actor.hidden_size == 4
            trainer.advance(32)
            trainer.evaluate()
        finally:
            del gymnasium.registry["tests/Seen-v0"]


class Seen(gymnasium.Env):
    """Anything, for seven steps."""

    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, space):
        self.observation_space = space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        self.steps += 1
        return self.observation_space.sample(), 1.0, self.steps % 7 == 0, False, {}

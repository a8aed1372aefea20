import numpy as np
import pytest
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback

from lab.errors import UserError
from lab.phase import Clock, Conductor, Constant, Follower, Schedule, targets
from rl.hooks import ConductorCallback

FALLING = Schedule(Clock(period=512, cycles=1), wave="anneal", low=0.1, high=0.4)


class Witness(BaseCallback):
    """Notes what the model holds after every rollout, just before its update."""

    def __init__(self, read):
        super().__init__()
        self.read, self.seen = read, []

    def _on_step(self):
        return True

    def _on_rollout_end(self):
        self.seen.append(self.read(self.model))


def ppo(**options):
    return PPO("MlpPolicy", "CartPole-v1", n_steps=128, batch_size=64, n_epochs=1, device="cpu", **options)


def test_every_live_number_has_its_value_at_the_rollouts_absolute_step():
    names = ("learning_rate", "ent_coef", "vf_coef", "target_kl", "max_grad_norm")
    witness = Witness(lambda model: [getattr(model, name) for name in names])
    ppo().learn(512, callback=[ConductorCallback(dict.fromkeys(names, FALLING)), witness])
    assert witness.seen == [[FALLING(step)] * len(names) for step in (0, 128, 256, 384)]


def test_the_optimiser_gets_the_conducted_rate():
    model = ppo()
    model.learn(256, callback=ConductorCallback({"learning_rate": FALLING}))
    assert model.policy.optimizer.param_groups[0]["lr"] == FALLING(128)


def test_the_clip_range_is_conducted():
    model = ppo()
    model.learn(256, callback=ConductorCallback({"clip_range": FALLING}))
    assert model.clip_range(0.123) == FALLING(128)


def test_a_second_learn_goes_on_where_the_first_stopped():
    model = ppo()
    callback = ConductorCallback({"learning_rate": FALLING})
    model.learn(256, callback=callback)
    model.learn(256, callback=callback, reset_num_timesteps=False)
    assert model.learning_rate == FALLING(384)
    model.learn(128, callback=callback)
    assert model.learning_rate == FALLING(0)


def test_whole_numbers_stay_whole():
    model = ppo()
    model.learn(128, callback=ConductorCallback({"n_epochs": Constant(2.6), "batch_size": Constant(31.7)}))
    assert (model.n_epochs, model.batch_size) == (3, 32)
    actor = TD3("MlpPolicy", "Pendulum-v1", learning_starts=1000, device="cpu", buffer_size=1000)
    actor.learn(64, callback=ConductorCallback({"policy_delay": Constant(2.4)}))
    assert actor.policy_delay == 2


def test_gamma_reaches_the_model_and_its_rollout_buffer():
    model = ppo()
    model.learn(128, callback=ConductorCallback({"gamma": Constant(0.5), "gae_lambda": Constant(0.25)}))
    assert (model.gamma, model.rollout_buffer.gamma) == (0.5, 0.5)
    assert (model.gae_lambda, model.rollout_buffer.gae_lambda) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("name", "told"), [("ent_coeff", "did you mean ent_coef"), ("n_steps", "allocated"), ("tau", "no such live number")]
)
def test_a_name_that_would_do_nothing_is_an_error_when_training_starts(name, told):
    with pytest.raises(UserError, match=told):
        ppo().learn(128, callback=ConductorCallback({name: FALLING}))


@pytest.mark.parametrize(("kind", "name"), [("TRPO", "max_grad_norm"), ("TRPO", "ent_coef"), ("CrossQ", "tau")])
def test_what_an_agent_inherits_and_never_reads_is_an_error_too(kind, name):
    model = getattr(pytest.importorskip("sb3_contrib"), kind)("MlpPolicy", "Pendulum-v1", device="cpu")
    with pytest.raises(UserError, match=f"{name}: {kind} has no such live number"):
        model.learn(10, callback=ConductorCallback({name: FALLING}))


def test_noise_is_named_by_what_would_bring_it():
    model = SAC("MlpPolicy", "Pendulum-v1", buffer_size=1000, device="cpu")
    with pytest.raises(UserError, match=r"noise_std: SAC has no such live number, as it has no noise on its actions"):
        model.learn(10, callback=ConductorCallback({"noise_std": FALLING}))


def test_sac_takes_an_entropy_coefficient_that_is_a_number():
    model = SAC("MlpPolicy", "Pendulum-v1", ent_coef=0.7, learning_starts=10, buffer_size=1000, device="cpu")
    witness = Witness(lambda model: (model.ent_coef_tensor.item(), model.tau))
    model.learn(20, callback=[ConductorCallback({"ent_coef": FALLING, "tau": Constant(0.25)}), witness])
    assert np.allclose(witness.seen, [(FALLING(step), 0.25) for step in range(20)])


def test_sac_that_learns_its_entropy_coefficient_is_not_overruled():
    model = SAC("MlpPolicy", "Pendulum-v1", buffer_size=1000, device="cpu")
    with pytest.raises(UserError, match="learns it itself"):
        model.learn(10, callback=ConductorCallback({"ent_coef": FALLING}))


def test_dqn_explores_as_it_is_conducted():
    model = DQN("MlpPolicy", "CartPole-v1", learning_starts=10, buffer_size=1000, train_freq=4, device="cpu")
    witness = Witness(lambda model: model.exploration_rate)
    model.learn(40, callback=[ConductorCallback({"exploration_rate": FALLING, "learning_rate": FALLING}), witness])
    assert witness.seen == [FALLING(step) for step in range(0, 40, 4)]
    assert model.policy.optimizer.param_groups[0]["lr"] == FALLING(36)


def test_a2c_is_conducted_too():
    model = A2C("MlpPolicy", "CartPole-v1", n_steps=8, device="cpu")
    model.learn(32, callback=ConductorCallback({"ent_coef": FALLING}))
    assert model.ent_coef == FALLING(24)


def test_events_of_a_users_conductor_fire_though_rollouts_skip_their_steps():
    wave, heard = Schedule(Clock(period=100), low=0.0, high=1.0), []
    conductor = Conductor({"anything": (wave, targets.call(lambda value: None))})
    conductor.on("trough", of="anything", do=heard.append)
    ppo().learn(512, callback=ConductorCallback(conductor))
    assert heard == [50, 150, 250, 350, 450]


@pytest.mark.parametrize("own", [False, True])
def test_events_fire_once_however_many_calls_of_learn_there_are(own):
    wave, heard = Schedule(Clock(period=100), low=1e-5, high=1e-3), []
    source = Conductor({"rate": (wave, targets.call(lambda value: None))}) if own else {"learning_rate": wave}
    callback, model = ConductorCallback(source), ppo()
    callback.on("trough", of="rate" if own else "learning_rate", do=heard.append)
    for _ in range(3):
        model.learn(128, callback=callback, reset_num_timesteps=False)
    assert heard == [50, 150, 250, 350]
    model.learn(128, callback=callback)
    assert heard[4:] == [50], "steps are counted anew"


def test_a_follower_reads_the_level_it_is_told():
    model, level = ppo(), {"difficulty": 0.25}
    follow = Follower("difficulty", low=1e-4, high=5e-4, anti=True)
    model.learn(128, callback=ConductorCallback({"learning_rate": follow}, levels=lambda: level))
    assert model.learning_rate == pytest.approx(4e-4)

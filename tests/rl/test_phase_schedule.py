import pickle

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import PPO

from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule
from rl.hooks import PhaseSchedule

FALLING = Schedule(Clock(period=1000, cycles=1), wave="anneal", low=0.0, high=1e-3)


@given(st.floats(-2.0, 2.0))
def test_any_progress_gives_a_value_of_the_schedule_between_its_first_and_last_step(progress):
    value = PhaseSchedule(FALLING, 1000)(progress)
    assert value in FALLING(np.arange(1001))
    assert 0.0 <= value <= 1e-3


@pytest.mark.parametrize("step", [0, 1, 333, 500, 999, 1000])
def test_progress_is_read_back_as_the_absolute_step(step):
    progress_as_sb3_computes_it = 1.0 - float(step) / float(1000)
    assert PhaseSchedule(FALLING, 1000)(progress_as_sb3_computes_it) == FALLING(step)


@pytest.mark.parametrize("progress", [-0.024, -0.229, -3.0])
def test_an_overshooting_rollout_stays_at_the_end(progress):
    assert PhaseSchedule(FALLING, 1000)(progress) == FALLING(1000) >= 0.0


def test_it_survives_pickle_as_an_equal_object():
    schedule = PhaseSchedule(FALLING, 1000)
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_sb3_never_sees_a_negative_rate_though_the_last_rollout_overshoots():
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=96, batch_size=32, n_epochs=1, device="cpu")
    model.learning_rate = PhaseSchedule(FALLING, 1000)
    model._setup_lr_schedule()
    model.learn(1000)
    assert model.num_timesteps > 1000
    assert model._current_progress_remaining < 0.0
    assert model.policy.optimizer.param_groups[0]["lr"] == FALLING(1000)


def test_a_model_saved_and_loaded_keeps_its_learning_rate_and_clip_range(tmp_path):
    clip = PhaseSchedule(Constant(0.3), 500)
    rate = PhaseSchedule(Schedule(Clock(200), low=1e-4, high=1e-3), 500)
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=64, learning_rate=rate, clip_range=clip, device="cpu")
    model.save(tmp_path / "model")
    loaded = PPO.load(tmp_path / "model", env=gymnasium.make("CartPole-v1"), device="cpu")
    assert loaded.learning_rate == rate
    assert [loaded.lr_schedule(p) for p in (1.0, 0.6, -0.1)] == [rate(p) for p in (1.0, 0.6, -0.1)]
    assert loaded.clip_range(0.5) == 0.3
    loaded.learn(64)


@pytest.mark.parametrize("total", [0, -5, 1.5, True])
def test_a_total_that_is_no_number_of_steps_is_refused(total):
    with pytest.raises(UserError, match="total_timesteps"):
        PhaseSchedule(FALLING, total)


def test_a_schedule_that_turns_negative_is_refused():
    with pytest.raises(UserError, match="≥ 0"):
        PhaseSchedule(Schedule(Clock(100), low=-1e-3, high=1e-3), 1000)

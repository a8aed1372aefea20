import random

import numpy as np
import pytest
import torch

from lab.errors import UserError
from lab.training import checkpoints
from lab.training.finite import NonFiniteError


def through_the_disk(trainer, directory):
    """The trainer's state as a resume finds it."""
    checkpoints.save(directory, trainer.step, trainer.state_dict())
    return checkpoints.load_newest(directory)[1]


def weights(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.policy.parameters()])


CURRICULA = [
    {"kind": "none"},
    {"kind": "uniform"},
    {"kind": "linear", "stop": 512},
    {"kind": "success_threshold", "threshold": 0.5, "window": 2, "step_up": 0.3},
    {
        "kind": "rehearsal",
        "of": {
            "kind": "waits",
            "of": {"kind": "learning_progress", "fit_every": 6, "gaussians": 2},
            "at": {"clock": {"period": 256}},
        },
        "share": 0.5,
    },
]


@pytest.mark.parametrize("curriculum", CURRICULA, ids=lambda curriculum: curriculum["kind"])
@pytest.mark.parametrize("task", ["lab/CartPole-v0", "lab/Pendulum-v0"])
def test_a_copy_from_a_checkpoint_continues_bit_for_bit(make_trainer, tmp_path, curriculum, task):
    options = {"task": task, "curriculum": curriculum, "normalise_rewards": True}
    whole, first, second = (make_trainer(**options) for _ in range(3))
    whole.advance(1024)
    first.advance(384)
    second.load_state_dict(through_the_disk(first, tmp_path))
    second.advance(1024)
    assert second.step == whole.step == 1024
    assert torch.equal(weights(second), weights(whole))
    assert second.metrics() == whole.metrics()
    assert second.evaluate() == whole.evaluate()
    assert np.array_equal(second.model._last_obs, whole.model._last_obs)


@pytest.mark.parametrize("curriculum", CURRICULA, ids=lambda curriculum: curriculum["kind"])
def test_a_state_that_was_loaded_and_is_saved_again_is_the_same_file_for_file(make_trainer, tmp_path, curriculum):
    options = {"curriculum": curriculum, "normalise_rewards": True, "max_episode_steps": 30}
    first, second = make_trainer(**options), make_trainer(**options)
    first.advance(384)
    second.load_state_dict(through_the_disk(first, tmp_path / "first"))
    through_the_disk(second, tmp_path / "second")
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert len(files) > 5
    for path in files:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes(), path


def test_evaluating_and_other_peoples_random_numbers_change_nothing(make_trainer):
    plain, disturbed = make_trainer(), make_trainer()
    plain.advance(512)
    for step in (128, 256, 384, 512):
        disturbed.advance(step)
        disturbed.evaluate()
        np.random.rand(3), torch.rand(3), random.random()
        torch.manual_seed(step)
    assert torch.equal(weights(plain), weights(disturbed))


def test_training_leaves_the_callers_random_generators_alone(make_trainer):
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    expected = (torch.rand(2), np.random.rand(2), random.random())
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    make_trainer().advance(128)
    got = (torch.rand(2), np.random.rand(2), random.random())
    assert torch.equal(expected[0], got[0])
    assert np.array_equal(expected[1], got[1])
    assert expected[2] == got[2]


def test_seeds_differ_and_repeat(make_trainer):
    a, b, c = make_trainer(seed=1), make_trainer(seed=1), make_trainer(seed=2)
    for trainer in (a, b, c):
        trainer.advance(128)
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(c))


def test_the_learning_rate_falls_as_the_difficulty_rises_and_reaches_the_optimiser(make_trainer):
    trainer, seen = make_trainer(), []
    for step in range(128, 1025, 128):
        trainer.advance(step)
        row = trainer.metrics()
        seen.append(row["voice/learning_rate"])
        assert trainer.model.policy.optimizer.param_groups[0]["lr"] == row["voice/learning_rate"]
    # Rollouts begin at 0, 128, …; the difficulty rises to 1 over 512 steps.
    expected = [1.8e-3 - 1.6e-3 * min(1.0, step / 512) for step in range(0, 1024, 128)]
    assert seen == pytest.approx(expected)


def test_the_clip_range_follows_the_clock(make_trainer):
    trainer = make_trainer()
    trainer.advance(256)
    assert trainer.metrics()["voice/clip_range"] == pytest.approx(0.1)  # the rollout began at half a period: the trough
    assert trainer.model.clip_range(0.77) == pytest.approx(0.1)


def test_a_row_has_every_column_that_others_read(make_trainer):
    trainer = make_trainer()
    trainer.advance(512)
    row = trainer.metrics() | trainer.evaluate()
    assert {
        "clock/cycle", "clock/phase", "voice/learning_rate", "voice/clip_range", "curriculum/difficulty",
        "rollout/return", "rollout/length", "rollout/success", "loss/policy", "loss/value", "loss/entropy",
        "approx_kl", "clip_fraction", "explained_variance",
        "evaluation/return", "evaluation/success", "evaluation/return/0.00", "evaluation/return/0.50",
        "evaluation/return/1.00", "evaluation/success/0.50",
    } <= row.keys()  # fmt: skip
    assert row["evaluation/return"] == row["evaluation/return/1.00"]
    assert all(type(value) is float for value in row.values())


def test_whole_rollouts_may_overshoot(make_trainer):
    trainer = make_trainer()
    trainer.advance(130)
    assert trainer.step == 256


def test_a_loss_that_is_not_finite_stops_the_run_with_its_name(make_trainer):
    trainer = make_trainer()
    with torch.no_grad():
        trainer.model.policy.value_net.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match=r"loss/\w+ was nan at step 128"):
        trainer.advance(128)


def test_any_gymnasium_task_trains_without_a_curriculum_and_says_that_a_resume_restarts_its_episodes(
    make_trainer, tmp_path
):
    options = {"task": "Acrobot-v1", "curriculum": {"kind": "none"}}
    first, second = make_trainer(**options), make_trainer(**options)
    first.advance(256)
    assert set(first.evaluate()) == {"evaluation/return", "evaluation/return/1.00", "evaluation/area/return"}
    with pytest.warns(UserWarning, match="new episodes"):
        second.load_state_dict(through_the_disk(first, tmp_path))
    assert ("episodes_restarted", 256) in second.events
    assert torch.equal(weights(first), weights(second))
    second.advance(512)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "Acrobot-v1"}, "set_difficulty"),
        ({"task": "lab/MountainCar"}, "lab/MountainCar-v0"),
        ({"task": "Acrobot-v1", "axes": {"power": {"easy": 1.0}}}, "axes"),
        (
            {"task": "Blackjack-v1", "curriculum": {"kind": "none"}},
            "its observations are Tuple",
        ),
        ({"task": "no_such_module:My/Env-v0"}, "neither installed nor in the current directory"),
        ({"task": "os:system"}, "belongs to Python itself"),
        ({"task": "../up:My/Env-v0"}, "accepted: my_package.module:My/Env-v0"),
        ({"task": "NoSuch-v0"}, "NoSuch"),
        ({"evaluation": {"difficulties": [1.5]}}, r"difficulties\.0: 1\.5 is not accepted; [a-z ]+ 1$"),
        ({"evaluation": {"difficulties": [0.5, 0.501]}}, r"difficulties.*0\.5 and 0\.501 are one to two decimals"),
        ({"evaluation": {"difficulties": [0.996]}}, r"difficulties.*0\.996 and 1\.0 are one to two decimals"),
        ({"batch_size": 127}, "batch_size: 127 .* = 128"),
        ({"batch_size": 48}, "batch_size: 48"),
        ({"batch_size": 256}, "batch_size: 256"),
        ({"axes": {"power": {"easy": float("nan")}}}, r"axes\.power\.easy is nan"),
        ({"task": "Acrobot-v1", "curriculum": {"kind": "none", "difficulty": 0.5}}, "set_difficulty"),
        ({"voices": {"learning_rate": -1e-3}}, r"voices\.learning_rate: -0\.001 is not accepted; 0 to inf is"),
        (
            {"voices": {"learning_rate": {"follow": "difficulty", "relation": "in_phase", "low": -1e-3, "high": 1e-3}}},
            r"voices\.learning_rate: -0\.001 to 0\.001 is not accepted",
        ),
        (
            {"voices": {"learning_rate": 1e-3, "clip_range": {"wave": "cosine", "low": -0.1, "high": 0.1}}},
            r"voices\.clip_range: -0\.1 to 0\.1 is not",
        ),
        ({"voices": {"clip_range": 0.2}}, "learning_rate"),
        ({"voices": {"learning_rate": 1e-3, "clip": 0.2}}, "clip_range"),
        ({"axes": {"pwer": {"easy": 1.0}}}, "power"),
        ({"curriculum": {"kind": "linear"}}, "stop"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(make_trainer, changes, told):
    with pytest.raises(UserError, match=told) as error:
        make_trainer(**changes)
    assert "\n" not in str(error.value)


TWO_AXES = {
    "axes": {"power": {"easy": 2.5}, "goal": {"easy": 0.2}},
    "curriculum": {
        "kind": "per_axis",
        "axes": {"goal": {"kind": "reverse", "window": 2}, "power": {"kind": "linear", "stop": 700}},
    },
    "max_episode_steps": 20,
}


def test_each_axis_goes_at_its_own_pace_and_a_copy_continues_bit_for_bit(make_trainer, tmp_path):
    whole, first, second = (make_trainer(**TWO_AXES) for _ in range(3))
    whole.advance(1024)
    first.advance(384)
    rows = first.batch.env._pending.T  # in the order of the task's axes: the goal is random near the start
    assert np.all(rows[:, 0] == rows[0, 0])
    assert np.all(rows[:, 1] < 0.3)
    second.load_state_dict(through_the_disk(first, tmp_path))
    second.advance(1024)
    assert torch.equal(weights(second), weights(whole))
    assert second.metrics() == whole.metrics()


def test_kinds_over_all_axes_teach_the_axes_that_the_task_has(make_trainer):
    trainer = make_trainer(**{**TWO_AXES, "curriculum": {"kind": "self_paced", "every": 4, "threshold": 0.0}})
    trainer.advance(1024)
    rows = trainer.batch.env._pending.T
    assert rows.shape == (4, 2)
    assert np.any(rows[:, 0] != rows[:, 1])
    assert trainer.curriculum.teacher.level > 0.2


def test_a_voice_follows_the_frontier(make_trainer):
    lr = {"follow": "frontier", "relation": "anti_phase", "low": 2e-4, "high": 1.8e-3}
    rehearsal = {"kind": "rehearsal", "of": {"kind": "linear", "stop": 512}, "share": 0.5}
    trainer = make_trainer(voices={"learning_rate": lr}, curriculum=rehearsal, max_episode_steps=20)
    trainer.advance(1024)
    row = trainer.metrics()
    assert row["voice/learning_rate"] == pytest.approx(2e-4)
    assert row["curriculum/difficulty"] < 0.95


@pytest.mark.parametrize(
    ("curriculum", "words"),
    [
        ({"kind": "per_axis", "axes": {"powr": {"kind": "uniform"}}},
         r"^curriculum.axes.powr is no axis of the task \(did you mean power\?\); accepted: power$"),
        ({"kind": "rehearsal", "of": {"kind": "per_axis", "axes": {"goal": {"kind": "uniform"}}}},
         r"^curriculum.axes.goal is no axis of the task; accepted: power$"),
    ],
)  # fmt: skip
def test_an_axis_that_the_task_lacks_is_refused_before_there_is_a_run(make_trainer, curriculum, words):
    with pytest.raises(UserError, match=words):
        make_trainer(curriculum=curriculum)


def test_a_teacher_with_a_frontier_has_it_in_the_log(make_trainer):
    trainer = make_trainer(curriculum={"kind": "reverse"})
    trainer.advance(128)
    assert 0.0 <= trainer.metrics()["curriculum/frontier"] <= 1.0
    plain = make_trainer(curriculum={"kind": "uniform"})
    plain.advance(128)
    assert "curriculum/frontier" not in plain.metrics()

import json
from dataclasses import replace

import pytest
import torch

from rl import bench
from rl.plugin import PLUGIN


@pytest.mark.parametrize(
    ("name", "few"),
    [
        ("mountain-car", {"n_steps": 16, "batch_size": 16}),
        ("pendulum-sac", {"batch_size": 16, "buffer_size": 1000, "learning_starts": 10}),
    ],
)
def test_both_sides_train_the_same_steps_of_the_same_agent(name, few, tmp_path):
    large = bench.WORKLOADS[name]
    small = replace(large, settings={**large.settings, **few}, n_envs=min(large.n_envs, 2), block=32)
    trainer, model = bench.ours(small, tmp_path), bench.plain(small)
    trainer.advance(64)
    model.learn(64)
    assert trainer.step == model.num_timesteps == 64
    for setting in ("n_envs", *small.settings):
        assert getattr(trainer.model, setting) == getattr(model, setting)
    assert [w.shape for w in trainer.model.policy.parameters()] == [w.shape for w in model.policy.parameters()]
    row = bench.compare(small, blocks=3, warm=1)
    assert row["blocks"] == 3
    assert 0 < row["ratio_quartiles"][0] <= row["ratio"] <= row["ratio_quartiles"][1]


def test_both_batches_step_under_the_same_actions(monkeypatch):
    monkeypatch.setattr(bench, "BATCH", 4)
    monkeypatch.setattr(bench, "BATCH_STEPS", 5)
    row = bench.compare_batches("lab/CartPole-v0", "CartPole-v1", blocks=3, warm=1)
    assert row["blocks"] == 3
    assert 0 < row["ratio_quartiles"][0] <= row["ratio"] <= row["ratio_quartiles"][1]


@pytest.mark.parametrize(("of", "teacher"), bench.TEACHERS.values(), ids=bench.TEACHERS)
def test_a_teacher_is_timed_on_the_episodes_of_training_without_one(of, teacher, tmp_path):
    short = {"batch_size": 16, **({"n_steps": 16} if of == "cartpole" else {"buffer_size": 1000})}
    small = replace(bench.WORKLOADS[of], n_envs=2, block=32, settings={**bench.WORKLOADS[of].settings, **short})
    row = bench.compare_teacher(small, teacher, blocks=3, warm=1)
    assert row["blocks"] == 3
    sides = [bench.taught(small, tmp_path / "taught", teacher), bench.untaught(small, tmp_path / "untaught")]
    for side in sides:
        side.advance(512)
    assert all(map(torch.equal, *(side.model.policy.parameters() for side in sides)))


def test_the_plug_in_answers_with_plain_data(monkeypatch):
    monkeypatch.setattr(bench, "WORKLOADS", {})
    monkeypatch.setattr(bench, "TEACHERS", {})
    assert set(json.loads(json.dumps(PLUGIN.bench(short=True)))) == {"what", "settings", "workloads"}

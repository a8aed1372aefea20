import json

from rl import bench
from rl.plugin import PLUGIN


def test_both_sides_train_the_same_number_of_steps_and_their_ratio_is_of_equal_work(monkeypatch):
    monkeypatch.setattr(bench, "SETTINGS", {**bench.SETTINGS, "n_envs": 2, "n_steps": 16, "batch_size": 16})
    trainer, model = bench.ours("lab/MountainCar-v0"), bench.plain("MountainCar-v0")
    row = bench.compare(trainer.advance, model, blocks=3, warm=1)
    assert trainer.step == model.num_timesteps == 4 * 32
    assert row["blocks"] == 3
    assert 0 < row["ratio_quartiles"][0] <= row["ratio"] <= row["ratio_quartiles"][1]
    for ours, plain in (("n_envs", "n_envs"), ("n_epochs", "n_epochs"), ("batch_size", "batch_size")):
        assert getattr(trainer.model, ours) == getattr(model, plain)
    assert trainer.model.gamma == model.gamma
    assert [w.shape for w in trainer.model.policy.parameters()] == [w.shape for w in model.policy.parameters()]


def test_both_batches_step_under_the_same_actions(monkeypatch):
    monkeypatch.setattr(bench, "BATCH", 4)
    monkeypatch.setattr(bench, "BATCH_STEPS", 5)
    row = bench.compare_batches("lab/CartPole-v0", "CartPole-v1", blocks=3, warm=1)
    assert row["blocks"] == 3
    assert 0 < row["ratio_quartiles"][0] <= row["ratio"] <= row["ratio_quartiles"][1]


def test_the_plug_in_answers_with_plain_data(monkeypatch):
    monkeypatch.setattr(bench, "WORKLOADS", {})
    assert set(json.loads(json.dumps(PLUGIN.bench(short=True)))) == {"what", "settings", "workloads"}

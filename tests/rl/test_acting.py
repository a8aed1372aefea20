"""Several policies act as one; what was kept of a run acts as the run did; the target's curve is summed."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from lab.training import checkpoints
from rl.acting import agreed
from rl.evaluation import Score, mean_interval, share_interval
from rl.kept import KeptPolicies
from rl.progress import TargetCurve


def test_a_vote_of_discrete_actions_and_its_ties() -> None:
    actions = np.array([[2, 0, 1], [2, 1, 0], [1, 1, 2]])
    assert agreed(actions, spaces.Discrete(3)).tolist() == [2, 1, 0]


def test_each_component_votes_for_itself() -> None:
    actions = np.array([[[0, 2]], [[1, 2]], [[1, 0]]])
    assert agreed(actions, spaces.MultiDiscrete([2, 3])).tolist() == [[1, 2]]


def test_numbers_are_averaged_in_their_own_type() -> None:
    found = agreed(np.array([[[0.0]], [[1.0]], [[0.5]]], dtype=np.float32), spaces.Box(-1, 1, (1,)))
    assert found.dtype == np.float32
    assert found.tolist() == [[0.5]]


def test_a_kept_policy_acts_as_it_did_while_the_run_goes_on(make_trainer) -> None:
    rate = {"wave": "cosine", "low": 1e-4, "high": 5e-2, "clock": {"period": 256}}
    trainer = make_trainer(voices={"learning_rate": rate}, ensemble_size=3, normalise_observations=True)
    trainer.advance(128)
    trainer.evaluate()
    seen = np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    expected = trainer.act(seen)
    trainer.advance(1024)
    assert np.array_equal(trainer.best()(seen), expected)
    assert not np.array_equal(trainer.act(seen), expected)  # seen to have learnt since
    members = trainer.ensemble().actors
    assert len(members) == 3
    assert np.array_equal(
        trainer.ensemble()(seen), agreed(np.stack([member(seen) for member in members]), trainer.env.action_space)
    )


def test_held_out_episodes_begin_in_states_of_their_own(make_trainer) -> None:
    trainer = make_trainer(task="lab/Pendulum-v0")
    trainer.advance(64)
    begun = [trainer.scores(), trainer.scores(held_out=True), trainer.scores(held_out=True)]
    returns = [np.concatenate([score.returns for score in scores]) for scores in begun]
    assert not np.array_equal(returns[0], returns[1])
    assert np.array_equal(returns[1], returns[2])


def test_troughs_are_kept_across_a_resume_as_without_one(make_trainer, tmp_path) -> None:
    rate = {"wave": "cosine", "low": 1e-4, "high": 1e-3, "clock": {"period": 200}}  # troughs amid rollouts
    options = {"voices": {"learning_rate": rate}, "ensemble_size": 4}
    whole, first = make_trainer(**options, place="whole"), make_trainer(**options, place="cut")
    whole.advance(1024)
    first.advance(384)
    checkpoints.save(tmp_path / "kept", first.step, first.state_dict())
    second = make_trainer(**options, place="cut")
    second.load_state_dict(checkpoints.load_newest(tmp_path / "kept")[1])
    second.advance(1024)
    ours, theirs = whole.kept.troughs(), second.kept.troughs()
    assert [step for step, _ in ours] == [step for step, _ in theirs]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        assert all(torch.equal(mine["policy"][name], other["policy"][name]) for name in mine["policy"])


def test_a_best_kept_before_the_run_went_back_gives_way_to_a_new_one(tmp_path) -> None:
    kept = KeptPolicies(tmp_path, most=2)
    for step in (100, 300):
        kept.keep_best(step, {"at": step})
        kept.keep_trough(step, {"at": step})
    kept.keep_best(200, {"at": 200})  # another process, which began again at 100
    kept.keep_trough(200, {"at": 200})
    assert kept.best() == (200, {"at": 200})
    assert [step for step, _ in kept.troughs()] == [100, 200]


def score(*successes: float) -> Score:
    done = np.array(successes) > 0
    return Score(1.0, np.array(successes) * 10, np.ones(len(successes), np.int64), done)


def test_the_area_is_the_mean_height_of_the_curve() -> None:
    curve = TargetCurve(threshold=0.5, steps=900)
    assert curve.add(100, score(0, 0)) == {
        "evaluation/area/return": 0.0, "evaluation/area/success": 0.0, "evaluation/steps_to_threshold": 900.0,
    }  # fmt: skip
    assert curve.add(300, score(1, 1))["evaluation/area/success"] == 0.5
    assert not (curve.add(400, score(1, 0)), curve.best)[1]
    again = TargetCurve(threshold=0.5, steps=900)
    again.load_state_dict(curve.state_dict())
    for each in (curve, again):
        row = each.add(500, score(1, 1))
        assert row["evaluation/area/success"] == pytest.approx((200 * 0.5 + 100 * 0.75 + 100 * 0.75) / 400)
        assert row["evaluation/steps_to_threshold"] == 300.0


def test_a_threshold_is_a_share_of_successes_where_the_task_tells_them_and_the_end_is_no_later_than_never() -> None:
    untold = Score(1.0, np.array([900.0]), np.ones(1, np.int64), None)
    curve = TargetCurve(threshold=0.5, steps=900)
    assert curve.add(100, untold)["evaluation/steps_to_threshold"] == 100.0
    assert curve.add(200, score(0, 0))["evaluation/steps_to_threshold"] == 900.0, "a return was no success"
    assert curve.add(960, score(1, 1))["evaluation/steps_to_threshold"] == 900.0
    assert TargetCurve(threshold=0.5, steps=900, aims=True).aims


def test_intervals_cover_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    inside = [low <= 3.0 <= high for low, high in (mean_interval(random.normal(3, 2, 40)) for _ in range(300))]
    assert 0.90 <= np.mean(inside) <= 0.985
    assert share_interval(0, 10)[0] == 0.0
    assert share_interval(0, 10)[1] == pytest.approx(0.3085, abs=1e-3)

"""The trainer as the laboratory uses it: rows, exact resume, weights of another run, and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from few_workers import configured, context, weights

from lab.distributed.plugin import PLUGIN, DistributedPlugin
from lab.distributed.team import Team
from lab.distributed.trainer import DistributedTrainer
from lab.distributed.work import AVERAGED, Keeper, adopt
from lab.errors import RunError, UserError
from lab.supervised.trainer import SupervisedTrainer
from lab.training import checkpoints, manifest
from lab.training.finite import NonFiniteError
from lab.training.loop import make_context, train
from lab.training.run import Run

Build = Callable[..., DistributedTrainer]
WITH: dict[str, dict[str, Any]] = {
    "average": {},
    "outer": {"workers__outer_optimizer": {}, "workers__offsets": "spread", "workers__cooldown": 0.25},
}


@pytest.mark.parametrize("kind", WITH)
@pytest.mark.parametrize("name", ["supervised", "gan"])
def test_it_resumes_bit_for_bit(workers: Build, tmp_path: Path, name: str, kind: str) -> None:
    whole, first, second = (workers(name, **WITH[kind]) for _ in range(3))
    whole.advance(40)
    first.advance(21)  # between two averages
    path = checkpoints.save(tmp_path, 21, first.state_dict())
    second.load_state_dict(checkpoints.load(path).state)
    second.advance(40)
    for one, two in zip(whole.team.workers, second.team.workers, strict=True):
        assert torch.equal(weights(one.models()), weights(two.models()))
    assert whole.metrics() == second.metrics()
    assert whole.evaluate() == second.evaluate()


def test_how_a_stretch_is_divided_into_calls_does_not_matter(workers: Build) -> None:
    one, two = workers("gan"), workers("gan")
    one.advance(40)
    for step in (1, 3, 8, 9, 30, 40):
        two.advance(step)
    assert one.metrics() == two.metrics()
    assert one.evaluate() == two.evaluate()


def test_rows_are_means_over_the_workers_and_the_mean_rate_of_spread_offsets_stands_still(workers: Build) -> None:
    trainer = workers("supervised", workers__offsets="spread")
    trainer.advance(10)
    rows = [worker.metrics() for worker in trainer.team.workers]
    trainer = workers("supervised", workers__offsets="spread")
    trainer.advance(10)
    row = trainer.metrics()
    assert row["train/loss"] == pytest.approx(sum(own["train/loss"] for own in rows) / 4)
    assert len({own["voice/lr"] for own in rows}) > 2
    assert row["voice/lr"] == pytest.approx(0.1)
    assert row["clock/phase"] == rows[0]["clock/phase"]
    assert row["voice/sync_every"] == 8
    assert row["workers/spread"] > 0


def run_of(tmp_path: Path, name: str, **sets: Any) -> Run:
    config = configured("supervised", {"voices.sync_every": 8, **{k.replace("__", "."): v for k, v in sets.items()}})
    return Run.create(tmp_path, name, "distributed", config)


def test_it_is_a_run_as_any_other_and_another_begins_with_its_weights(tmp_path: Path) -> None:
    first = run_of(tmp_path, "first")
    train(PLUGIN, first, make_context(first, configured("supervised", {"voices.sync_every": 8})))
    rows = [row for row in first.metrics.path.read_text().splitlines() if "evaluation/accuracy" in row]
    assert len(rows) == 2
    second = run_of(tmp_path, "second", init_from="first", steps=1, voices__lr=0.0)
    train(PLUGIN, second, make_context(second, configured("supervised", {"voices.sync_every": 8})))
    begun = checkpoints.load_newest(second.checkpoints)[1]["network"]
    for key, value in checkpoints.load_newest(first.checkpoints)[1]["network"].items():
        torch.testing.assert_close(begun[key], value)


def test_a_technique_that_cannot_be_shared_is_refused(workers: Build) -> None:
    with pytest.raises(UserError, match=r"techniques.sparsity: it is not accepted with 4 workers"):
        workers("supervised", techniques=["average", "sparsity"], voices__sparsity=0.5)


def test_workers_together_replay_the_share_that_one_alone_would(workers: Build) -> None:
    trainer = workers("supervised", techniques=["average", "rehearsal"], voices__rehearsal__share=0.25)
    trainer.advance(20)
    replayed = [worker.metrics()["rehearsal/replayed"] for worker in trainer.team.workers]
    assert replayed == [0.25 * 20 * 32 / 4] * 4


def test_one_sample_for_each_worker_is_refused_where_a_batchnorm_takes_a_variance(workers: Build) -> None:
    network = {"network": "cnn", "widths": [2, 2], "hidden": [4]}
    with pytest.raises(UserError, match="batch_size: 4 is not accepted with 4 workers; at least 8 is"):
        workers("supervised", network=network, batch_size=4)


def test_a_trainer_that_would_learn_everything_on_every_worker_is_refused(
    workers: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = workers("supervised")
    for worker in trainer.team.workers:
        worker._share = type(worker._share)()  # as one that does not look
    with pytest.raises(UserError, match="'supervised' would learn the whole batch on every worker"):
        trainer.advance(1)
    monkeypatch.delattr(SupervisedTrainer, "followers")
    with pytest.raises(UserError, match=r"'supervised' cannot be one of several workers: it lacks followers\(\)"):
        workers("supervised")


def test_what_is_not_finite_in_any_worker_stops_the_run(workers: Build) -> None:
    trainer = workers("supervised")
    with torch.no_grad():
        next(trainer.team.workers[2].models()["network"].parameters()).fill_(torch.nan)
    trainer.advance(1)
    with pytest.raises(NonFiniteError, match="at step 0"):
        trainer.state_dict()


def test_processes_are_not_started_by_building(tmp_path: Path) -> None:
    config = configured("supervised", {"voices.sync_every": 8}, simulated=False)
    with pytest.raises(UserError, match=r"workers.simulated: false asks for a process for each worker"):
        DistributedTrainer(config, context(tmp_path))


def test_workers_draw_their_own_chance_where_samples_are_treated(workers: Build) -> None:
    sets = {"network": {"network": "mlp", "hidden": [16], "dropout": 0.5}}
    trainer = workers("supervised", **sets)
    states = [bytes(worker.state_dict()["noise"]["torch"].numpy()) for worker in trainer.team.workers]
    assert len({*states}) == 4


def test_a_team_of_one_is_the_trainer_itself(tmp_path: Path) -> None:
    sets = {"workers.count": 1, "workers.simulated": False}
    team = DistributedTrainer(configured("gan", sets), context(tmp_path)).team
    assert isinstance(team, Team)
    assert team.due == float("inf")


class Dies(Keeper):
    """Keeps an average, and then dies of it at some step."""

    def __init__(self, run: Run, at: int) -> None:
        super().__init__(run)
        self.at = at

    def __call__(self, trainer: DistributedTrainer) -> None:
        super().__call__(trainer)
        if trainer.step == self.at:
            raise SystemExit


@pytest.mark.parametrize("at", [15, 20, 40])
def test_a_death_right_after_an_average_loses_nothing_not_even_the_row_that_is_due(tmp_path: Path, at: int) -> None:
    sets = {"voices__sync_every": 5, "workers__keep_every": 1}
    whole, killed = run_of(tmp_path, "whole", **sets), run_of(tmp_path, "killed", **sets)
    some = context(tmp_path / "snapshots")
    train(PLUGIN, whole, replace(some, event=whole.event))
    with pytest.raises(SystemExit):
        train(DistributedPlugin(averaged=Dies(killed, at)), killed, replace(some, event=killed.event))
    adopt(killed)
    assert max(manifest.paths(killed.checkpoints)) == at
    train(PLUGIN, killed, replace(some, event=killed.event))
    for log in ("metrics.jsonl", "events.jsonl"):
        assert (killed.path / log).read_text() == (whole.path / log).read_text()


def test_as_many_averages_are_kept_as_were_asked_for(tmp_path: Path) -> None:
    run = run_of(tmp_path, "some", voices__sync_every=5, workers__keep_every=3)
    train(DistributedPlugin(averaged=Keeper(run)), run, context(tmp_path / "snapshots"))
    assert max(manifest.paths(run.path / AVERAGED)) == 30


def test_averages_of_a_run_that_another_process_trains_are_left_to_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, "busy", voices__sync_every=5, workers__keep_every=3)
    train(DistributedPlugin(averaged=Keeper(run)), run, context(tmp_path / "snapshots"))
    kept = manifest.paths(run.path / AVERAGED)
    for path in manifest.paths(run.checkpoints).values():
        shutil.rmtree(path)
    with run.lock(), pytest.raises(RunError, match="is in use by process"):
        adopt(run)
    assert manifest.paths(run.path / AVERAGED) == kept

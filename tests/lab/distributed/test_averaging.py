"""Local SGD and DiLoCo against references of a few lines, and their special cases against plain training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from few_workers import CLASSIFIER, configured, context, weights
from torch import Tensor, nn

from lab.distributed.averaging import Averaging
from lab.distributed.config import OuterOptimizer
from lab.distributed.group import Counted, Turns
from lab.distributed.trainer import DistributedTrainer
from lab.phase import Constant
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.training.config import resolve

Build = Callable[..., DistributedTrainer]


class Walker:
    """A worker that moves by hand: a network with BatchNorm, and a tensor that follows it."""

    def __init__(self, seed: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.average = torch.zeros(5)
        self.chance = torch.Generator().manual_seed(seed)

    def move(self) -> None:
        with torch.no_grad():
            for tensor in (*self.net.parameters(), self.net[1].running_mean, self.average):
                tensor += torch.randn(tensor.shape, generator=self.chance)

    def models(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def followers(self) -> list[Tensor]:
        return [self.average]


def flat(walker: Walker) -> Tensor:
    return torch.cat([p.detach().flatten() for p in walker.net.parameters()])


@pytest.mark.parametrize("outer", [None, OuterOptimizer(), OuterOptimizer(lr=0.5, momentum=0.0, nesterov=False)])
def test_it_is_diloco_by_hand(outer: OuterOptimizer | None) -> None:
    """Algorithm 1 of arXiv 2311.08105 with Nesterov momentum as in torch; the plain average where there is no outer."""
    walkers = [Walker(seed) for seed in range(3)]
    averaging = Averaging(walkers, Turns(3).mean, Constant(1.0), outer, 10)  # type: ignore[arg-type]
    theta, momentum = flat(walkers[0]), torch.zeros(())
    for step in range(1, 5):
        for walker in walkers:
            walker.move()
        own = torch.stack([flat(walker) for walker in walkers])
        buffers = torch.stack([walker.net[1].running_mean.clone() for walker in walkers]).mean(0)  # type: ignore[operator]
        followers = torch.stack([walker.average.clone() for walker in walkers]).mean(0)
        spread = (own - own.mean(0)).square().sum(1).mean().sqrt()
        averaging.average(step)
        if outer is None:
            theta = own.mean(0)
        else:
            pull = theta - own.mean(0)
            momentum = outer.momentum * momentum + pull
            theta = theta - outer.lr * (pull + outer.momentum * momentum if outer.nesterov else momentum)
        for walker in walkers:
            torch.testing.assert_close(flat(walker), theta, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(walker.net[1].running_mean, buffers)
            torch.testing.assert_close(walker.average, followers)
        assert averaging.spread == pytest.approx(float(spread), rel=1e-4)


def test_what_is_sent_is_that_of_a_ring() -> None:
    counted = Counted(Turns(4))
    counted.mean([torch.zeros(100)] * 4)
    counted.mean([torch.zeros(100)] * 4)
    assert (counted.sent, counted.rounds) == (2 * 600, 2)  # 2·3/4 of 400 bytes each


def single(place: Path, **sets: Any) -> SupervisedTrainer:
    changes = {key.replace("__", "."): value for key, value in sets.items()}
    return SupervisedTrainer(resolve(SupervisedConfig, CLASSIFIER, changes), context(place))


def test_averaging_at_each_step_is_the_single_process_with_sgd(workers: Build, tmp_path: Path) -> None:
    """The mean of SGD's steps on the parts of a batch is its step on the whole batch."""
    trainer = workers("supervised", voices__sync_every=1, steps=100)
    alone = single(tmp_path / "alone", steps=100)
    start = weights(alone.models())
    trainer.advance(100)
    alone.advance(100)
    for worker in trainer.team.workers:
        torch.testing.assert_close(weights(worker.models()), weights(alone.models()), rtol=0, atol=1e-6)
    torch.testing.assert_close(trainer.team.workers[0].followers()[0], alone.followers()[0], rtol=0, atol=1e-6)
    assert (weights(alone.models()) - start).abs().max() > 0.01


def test_offset_workers_at_each_step_are_a_constant_rate_in_expectation(tmp_path: Path) -> None:
    """On one batch for all, where nothing is left to chance, they are it exactly."""
    sets = {"voices.sync_every": 1, "workers.offsets": "spread", "workers.count": 4}
    trainer = DistributedTrainer(configured("supervised", sets), context(tmp_path))
    alone = single(tmp_path / "alone", voices__lr=0.1)
    for worker in trainer.team.workers:
        worker._share = type(worker._share)()  # the whole batch
    for shares in trainer.team._shares:
        shares.minded = True
    trainer.advance(40)
    alone.advance(40)
    torch.testing.assert_close(weights(trainer.team.workers[0].models()), weights(alone.models()), rtol=0, atol=1e-6)


def test_averages_are_due_when_the_voice_says_and_at_the_end(workers: Build) -> None:
    trainer = workers("supervised", voices__sync_every={"wave": "cosine", "low": 2.9, "high": 10.5}, steps=37)
    at, voice = [], trainer.config.parsed_voices()["sync_every"]
    while trainer.step < 37:
        trainer.advance(trainer.step + 1)
        if trainer.team.averaged:
            at.append(trainer.step)
    wanted, step = [], 0
    while step < 37:
        step = min(37, step + int(voice(step)))
        wanted.append(step)
    assert at == wanted
    assert at[-1] == 37
    assert len({*map(int.__sub__, at[1:], at)}) > 2
    assert trainer.metrics()["workers/averages"] == len(at)


def test_a_finished_run_that_is_given_more_steps_averages_at_its_new_end(workers: Build) -> None:
    """And in between where it would have: not an interval after the old end that went beyond it."""
    for every, wanted in ((64, [60]), (16, [56, 60])):
        old = workers("supervised", voices__sync_every=every, steps=40)
        old.advance(40)
        new = workers("supervised", voices__sync_every=every, steps=60)
        new.load_state_dict(old.state_dict())
        at = []
        while new.step < 60:
            new.advance(new.step + 1)
            at += [new.step] * new.team.averaged
        assert at == wanted


def test_between_averages_workers_go_their_own_ways_and_then_they_are_one(workers: Build) -> None:
    trainer = workers("gan")
    trainer.advance(7)
    own = [weights(worker.models()) for worker in trainer.team.workers]
    assert all((one - own[0]).abs().max() > 1e-6 for one in own[1:])
    trainer.advance(8)
    now = [weights(worker.models()) for worker in trainer.team.workers]
    assert all(torch.equal(one, now[0]) for one in now)
    averages = [worker.followers()[0] for worker in trainer.team.workers]
    assert all(torch.equal(one, averages[0]) for one in averages)


def test_scores_are_of_the_mean_weights_and_change_nothing(workers: Build, tmp_path: Path) -> None:
    trainer, other = workers("supervised"), workers("supervised")
    trainer.advance(12)
    other.advance(12)
    mean = torch.stack([weights(worker.models()) for worker in trainer.team.workers]).mean(0)
    alone = single(tmp_path / "alone")
    at = 0
    with torch.no_grad():
        for parameter in alone.network.parameters():
            parameter.copy_(mean[at : at + parameter.numel()].view(parameter.shape))
            at += parameter.numel()
    row = trainer.evaluate()
    assert row["evaluation/nll"] == pytest.approx(alone.evaluate()["evaluation/nll"], rel=1e-4)
    assert row["evaluation/bytes"] == trainer.metrics()["workers/bytes"] > 0
    trainer.advance(40)
    other.advance(40)
    for one, two in zip(trainer.team.workers, other.team.workers, strict=True):
        assert torch.equal(weights(one.models()), weights(two.models()))


def test_batchnorms_statistics_are_averaged(workers: Build) -> None:
    trainer = workers("supervised", network={"network": "cnn", "widths": [2, 2], "hidden": [4]}, voices__sync_every=2)
    trainer.advance(2)
    buffers = [copy.deepcopy(dict(worker.models()["network"].named_buffers())) for worker in trainer.team.workers]
    assert any(name.endswith("running_var") for name in buffers[0])
    for each in buffers[1:]:
        for name, value in each.items():
            assert torch.equal(value, buffers[0][name])
